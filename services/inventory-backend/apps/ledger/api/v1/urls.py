"""Addresses below /api/v1/ledger/."""

from django.urls import path

from apps.ledger.api.v1 import views

urlpatterns = [
    path("transactions", views.Transactions.as_view(), name="transactions"),
    path("transactions/batch", views.TransactionBatch.as_view(), name="transaction-batch"),
    path("transactions/preview", views.TransactionPreview.as_view(), name="transaction-preview"),
    path("transactions/<uuid:transaction_id>", views.TransactionDetail.as_view(), name="transaction"),
    path("transactions/<uuid:transaction_id>/reverse", views.TransactionReverse.as_view(), name="transaction-reverse"),
    path("balances", views.Balances.as_view(), name="balances"),
    path("postings", views.Postings.as_view(), name="postings"),
    path("levels", views.Levels.as_view(), name="levels"),
    path("integrity", views.Integrity.as_view(), name="integrity"),
    path("periods", views.Periods.as_view(), name="periods"),
]
