"""The smallest project that rbac.django can live in: users, a tree of locations, its closure."""
