"""What the cluster must survive, as numbered tests. Each returns what it measured; a broken promise raises Failed."""
import failures_delivery  # pylint: disable=unused-import
import failures_front  # pylint: disable=unused-import
import failures_kubernetes  # pylint: disable=unused-import
import failures_services  # pylint: disable=unused-import
import failures_stores  # pylint: disable=unused-import
from promises import SLOW, TESTS

# By number, but what leaves the cluster poorer comes last: a second playbook, the plug, the reset, and another cluster
# on the bare hosts.
LAST = (17, 18, 19, 22)
TESTS.sort(key=lambda case: (case[0] in LAST, case[0]))
