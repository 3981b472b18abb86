"""Images that a stack had and that nothing needs any more, with what only they were built on. Pure."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence

from controller.model.cleanup import Had, ImageSeen, Inventory, Item, Kept, Layers, Rubbish
from controller.model.images import bare_id, normalise_image, read_id, repository_of, stands_for
from controller.model.names import ImageId, Instant
from controller.model.resources import CleanupPolicy


def find_superseded(
    inventory: Inventory, had: Had, kept: Kept, policy: CleanupPolicy, now: Instant
) -> tuple[Item, ...]:
    """In the order in which they can go: what was built on another one before that."""
    if not policy.images:
        return ()
    judge = _Judge(inventory, had, kept, policy, now)
    small: frozenset[ImageId] = frozenset()
    while True:
        items = judge.find(small)
        too_small = {ImageId(item.id) for item in items if (item.bytes or 0) < policy.larger_than}
        if not too_small:
            return items
        small |= too_small


class _Judge:
    """One inventory, judged."""

    def __init__(self, inventory: Inventory, had: Had, kept: Kept, policy: CleanupPolicy, now: Instant) -> None:
        self._stack, self._had, self._kept, self._now, self._policy = inventory.stack, had, kept, now, policy
        self._images: Mapping[ImageId, ImageSeen] = {image.id: image for image in inventory.images}
        self._children: dict[ImageId, set[ImageId]] = defaultdict(set)
        for image in inventory.images:
            if image.parent is not None:
                self._children[image.parent].add(image.id)
        self._built: dict[tuple[str, str], list[Instant]] = defaultdict(list)
        for image in sorted(inventory.images, key=lambda image: image.created_at):
            self._built[image.project, image.service].append(image.created_at)
        self._used = {one.image_id for one in inventory.containers}
        names = kept.names.union(*(one.mounted for one in inventory.containers))
        self._named = frozenset(map(normalise_image, names))
        self._ids = tuple(name for name in names if read_id(name) is not None)
        self._repositories = frozenset(map(repository_of, had.names))

    def find(self, small: Collection[ImageId]) -> tuple[Item, ...]:
        """Of these (`small`) none goes."""
        heads: list[ImageSeen] = []
        going: set[ImageId] = set()
        for image in self._youngest_first():
            if self._is_needed(image) or not self._children[image.id] <= going:
                continue
            if image.id not in small and self._is_superseded(image):
                heads.append(image)
            elif not self._was_left_behind(image):
                continue
            going.add(image.id)
        return tuple(self._items(heads, going - {head.id for head in heads}))

    def _youngest_first(self) -> Sequence[ImageSeen]:
        """Each before what it was built on; of equals the largest first."""
        depth = {image: len(list(self._ancestors(image))) for image in self._images}
        return sorted(self._images.values(), key=lambda image: (-depth[image.id], -image.bytes, image.id))

    def _ancestors(self, image: ImageId) -> Iterator[ImageSeen]:
        seen = {image}
        while (parent := self._images[image].parent) in self._images and parent not in seen:
            assert parent is not None
            seen.add(parent)
            yield self._images[parent]
            image = parent

    # --- whose it is, and who needs it

    def _is_needed(self, image: ImageSeen) -> bool:
        """By a container, by what is wanted, or by a way back."""
        if image.id in self._used or image.id in self._kept.images:
            return True
        if image.project == self._stack and image.service in self._kept.services:
            return True
        return not self._named.isdisjoint((*image.names, *image.digests)) or stands_for(self._ids, image.id)

    def _is_superseded(self, image: ImageSeen) -> bool:
        """By what was seen. A label of ours proves nothing: what somebody builds on ours has it too, BuildKit does not
        tell what that was built on, and what it was may be gone by now."""
        if image.project not in ("", self._stack):
            return False
        if image.id not in self._had.images and not any(self._is_composes_name(name, image) for name in image.names):
            return False
        if not all(self._is_our_name(name, image) for name in image.names):
            return False  # to somebody it is something else
        if not all(repository_of(digest) in self._repositories for digest in image.digests):
            return False
        return self._last_used(image) <= self._now - self._policy.older_than

    def _is_our_name(self, name: str, image: ImageSeen) -> bool:
        return name in self._had.names or self._is_composes_name(name, image)

    def _is_composes_name(self, name: str, image: ImageSeen) -> bool:
        """What Compose calls what it builds for a service that names no image."""
        ours = {f"{self._stack}{separator}{image.service}:latest" for separator in "-_"}
        return image.project == self._stack and bool(image.service) and name in ours

    def _last_used(self, image: ImageSeen) -> Instant:
        """Of one that nobody saw in use, when the next one was built in its place."""
        use = self._had.images.get(image.id)
        if use is not None:
            return max(image.created_at, use.until)
        built = self._built[image.project, image.service]
        return next((at for at in built if at > image.created_at), image.created_at)

    def _was_left_behind(self, image: ImageSeen) -> bool:
        """By builds of what goes: it never had a name, and nothing else was built on it."""
        nameless = not (image.named_before or image.names or image.digests)
        ours = image.project in ("", self._stack) and image.id not in self._had.images
        return nameless and ours and bool(self._children[image.id])

    # --- what goes with it, and how much that is

    def _items(self, heads: Sequence[ImageSeen], left: Collection[ImageId]) -> Iterator[Item]:
        """What several were built on goes with the last of them."""
        gone: set[ImageId] = set()
        for head in heads:
            gone.add(head.id)
            along: list[Layers] = []
            base: ImageSeen | None = None
            for base in self._ancestors(head.id):
                if base.id not in left or not self._children[base.id] <= gone:
                    break
                gone.add(base.id)
                along.append(Layers(base.id, self._more(base)))
            else:
                base = None
            yield self._item(head, base, along)

    def _more(self, image: ImageSeen) -> int:
        """Bytes that it has more than what it was built on."""
        base = next(self._ancestors(image.id), None)
        return image.bytes - (base.bytes if base is not None else 0)

    def _item(self, head: ImageSeen, base: ImageSeen | None, along: Sequence[Layers]) -> Item:
        """`base`: what stays of that on which it was built. To an engine it may share its layers with what goes along,
        and with whatever else was built on that and goes."""
        most = head.bytes - (base.bytes if base is not None else 0)
        own = most if head.shared is None else head.bytes - head.shared + sum(one.bytes for one in along)
        use = self._had.images.get(head.id)
        of = use.service if use is not None else head.service
        name = head.names[0] if head.names else f"sha256:{bare_id(head.id)[:12]}"
        why = f"superseded image of {of}" if of else "superseded image"
        return Item(
            kind=Rubbish.IMAGE,
            id=head.id,
            name=name,
            bytes=max(0, min(most, own)),
            why=why,
            since=self._last_used(head),
            at_most=head.shared is None,
            names=head.names,
            along=tuple(along),
        )
