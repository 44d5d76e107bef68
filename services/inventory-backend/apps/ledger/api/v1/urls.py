"""Addresses below /api/v1/ledger/."""

from django.urls import path

from apps.ledger.api.v1.views import books, stock, transactions

urlpatterns = [
    path("transactions", transactions.Transactions.as_view(), name="transactions"),
    path("transactions/batch", transactions.TransactionBatch.as_view(), name="transaction-batch"),
    path("transactions/preview", transactions.TransactionPreview.as_view(), name="transaction-preview"),
    path("transactions/<uuid:transaction_id>", transactions.TransactionDetail.as_view(), name="transaction"),
    path(
        "transactions/<uuid:transaction_id>/reverse",
        transactions.TransactionReverse.as_view(),
        name="transaction-reverse",
    ),
    path("balances", stock.Balances.as_view(), name="balances"),
    path("postings", stock.Postings.as_view(), name="postings"),
    path("levels", stock.Levels.as_view(), name="levels"),
    path("integrity", books.Integrity.as_view(), name="integrity"),
    path("periods", books.Periods.as_view(), name="periods"),
]
