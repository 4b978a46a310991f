"""Names of container images."""

from __future__ import annotations


def image_name(image: str) -> str:
    """The name of an image without registry, tag and digest."""
    name = image.split("@", 1)[0]
    head, _, tail = name.rpartition("/")
    return f"{head}/{tail.split(':', 1)[0]}" if head else tail.split(":", 1)[0]


def image_version(image: str) -> str:
    """The tag of an image; empty for none."""
    tail = image.split("@", 1)[0].rpartition("/")[2]
    return tail.partition(":")[2]


def is_image(image: str, names: tuple[str, ...]) -> bool:
    """True when an image is one of some names."""
    name = image_name(image).lower()
    return any(name == one or name.endswith(f"/{one}") for one in names)
