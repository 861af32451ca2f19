"""What a row and its review are known by: content, never place."""

import json
from collections.abc import Mapping
from dataclasses import dataclass

from reviewer.resources import full_hash
from reviewer.schema import ReviewRequest, VersionsOut


@dataclass(frozen=True, slots=True)
class Conditions:
    """What decides a review besides its request: versions, and options that are plain JSON."""

    versions: VersionsOut
    options: Mapping[str, object]

    def key(self, request: ReviewRequest) -> str:
        """Return the SHA-256 of ``request`` under these conditions."""
        options = json.dumps(self.options, sort_keys=True)
        parts = (request.model_dump_json(), options, self.versions.model_dump_json())
        return full_hash(*(part.encode() for part in parts))


def request_hash(request: ReviewRequest) -> str:
    """Return the SHA-256 of ``request``, whatever reviews it."""
    return full_hash(request.model_dump_json().encode())
