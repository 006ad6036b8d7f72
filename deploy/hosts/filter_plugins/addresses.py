"""Filters for addresses: whether one lies in a subnet, and the reverse zone of a subnet."""
import ipaddress


def in_subnet(address, subnet):
    """True when `address` is a usable host address of `subnet` (CIDR)."""
    try:
        network = ipaddress.ip_network(subnet)
        host = ipaddress.ip_address(address)
    except ValueError:
        return False
    return host in network and host not in (network.network_address, network.broadcast_address)


def reverse_zone(subnet):
    """10.77.0.0/24 -> 0.77.10.in-addr.arpa; cut at the whole octet, for IPv4."""
    network = ipaddress.ip_network(subnet)
    octets = str(network.network_address).split(".")[: network.prefixlen // 8]
    return ".".join(reversed(octets)) + ".in-addr.arpa"


class FilterModule:
    """What Ansible looks for."""

    def filters(self):
        """Names in templates."""
        return {"in_subnet": in_subnet, "reverse_zone": reverse_zone}
