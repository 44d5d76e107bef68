"""A tree two sites wide, one user and one stock balance at each location."""

from rbac_toy.models import Balance, Location, LocationClosure, User


class World:
    """root > (north > (shelf, bin), south); `codes` finds them again from query results."""

    def __init__(self) -> None:
        self.user = User.objects.create(email="clerk@example.com")
        self.root = self._add("root")
        self.north = self._add("north", self.root)
        self.shelf = self._add("shelf", self.root, self.north)
        self.bin = self._add("bin", self.root, self.north)
        self.south = self._add("south", self.root)

    def _add(self, code: str, *ancestors: Location) -> Location:
        location = Location.objects.create(code=code)
        for ancestor in (*ancestors, location):
            LocationClosure.objects.create(ancestor=ancestor, descendant=location)
        Balance.objects.create(location=location)
        return location
