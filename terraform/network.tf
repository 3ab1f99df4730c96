# A small network of its own: two public subnets, so that a zone without machines is not the end. No NAT gateway, which
# would cost more than everything else together; nothing comes in because no rule lets it.
data "aws_availability_zones" "usable" {
  state = "available"

  # Local zones lack most types.
  filter {
    name   = "opt-in-status"
    values = ["opt-in-not-required"]
  }

  lifecycle {
    postcondition {
      condition     = length(self.names) >= 2
      error_message = "The region ${var.region} has fewer than two zones for this account: choose another one."
    }
  }
}

resource "aws_vpc" "standby" {
  cidr_block           = "10.83.0.0/24"
  enable_dns_support   = true
  enable_dns_hostnames = false
  tags                 = { Name = var.name }
}

resource "aws_subnet" "standby" {
  count = 2

  vpc_id            = aws_vpc.standby.id
  cidr_block        = cidrsubnet(aws_vpc.standby.cidr_block, 2, count.index)
  availability_zone = sort(data.aws_availability_zones.usable.names)[count.index]
  # Here and not in the template: a template with a network interface of its own forbids to choose a subnet at launch.
  map_public_ip_on_launch = true
  tags                    = { Name = "${var.name}-${count.index}" }
}

resource "aws_internet_gateway" "standby" {
  vpc_id = aws_vpc.standby.id
  tags   = { Name = var.name }
}

resource "aws_route_table" "standby" {
  vpc_id = aws_vpc.standby.id
  tags   = { Name = var.name }

  route {
    cidr_block = "0.0.0.0/0"
    gateway_id = aws_internet_gateway.standby.id
  }
}

resource "aws_route_table_association" "standby" {
  count = length(aws_subnet.standby)

  subnet_id      = aws_subnet.standby[count.index].id
  route_table_id = aws_route_table.standby.id
}

resource "aws_security_group" "standby" {
  name        = "${var.name}-standby"
  description = "Nothing comes in; HTTPS and names go out."
  vpc_id      = aws_vpc.standby.id
  tags        = { Name = "${var.name}-standby" }
}

# Discord, DynamoDB, SSM, Tailscale's relays, Git. The time comes from 169.254.169.123, which no rule concerns.
resource "aws_vpc_security_group_egress_rule" "https" {
  security_group_id = aws_security_group.standby.id
  description       = "HTTPS"
  cidr_ipv4         = "0.0.0.0/0"
  ip_protocol       = "tcp"
  from_port         = 443
  to_port           = 443
}

# Names come from the network's own resolver only.
resource "aws_vpc_security_group_egress_rule" "dns" {
  for_each = toset(["udp", "tcp"])

  security_group_id = aws_security_group.standby.id
  description       = "Names by ${each.key}"
  cidr_ipv4         = aws_vpc.standby.cidr_block
  ip_protocol       = each.key
  from_port         = 53
  to_port           = 53
}
