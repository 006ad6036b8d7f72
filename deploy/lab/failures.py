"""What the cluster must survive, as numbered tests. Each returns what it measured; a broken promise raises Failed."""
import failures_delivery  # pylint: disable=unused-import
import failures_front  # pylint: disable=unused-import
import failures_services  # pylint: disable=unused-import
import failures_stores  # pylint: disable=unused-import
from promises import SLOW, TESTS

TESTS.sort(key=lambda case: case[0])
