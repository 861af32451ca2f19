"""The shipped catalogue, loaded once."""

import pytest

from reviewer.manual.catalogue import Catalogue, load_catalogue
from reviewer.resources import resource_dir


@pytest.fixture(scope="session")
def catalogue() -> Catalogue:
    return load_catalogue(resource_dir("corpus"))
