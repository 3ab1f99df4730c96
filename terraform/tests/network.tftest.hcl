# The standby's network: two zones, nothing comes in, HTTPS and names go out.
mock_provider "aws" {
  source = "./tests/mocks"
}

variables {
  # Any file will do where nothing is run.
  watchdog_zip      = "terraform.tf"
  laptop_health_url = "https://laptop.example.ts.net/health"
}

run "the_standby_can_be_in_two_zones" {
  command = apply

  assert {
    condition     = aws_subnet.standby[*].availability_zone == ["eu-west-3a", "eu-west-3b"]
    error_message = "one zone without machines would be the end"
  }

  assert {
    condition     = length(distinct(aws_subnet.standby[*].cidr_block)) == 2 && alltrue(aws_subnet.standby[*].map_public_ip_on_launch)
    error_message = "without an address of its own a machine reaches nobody: there is no NAT gateway"
  }
}

run "nothing_comes_in" {
  command = apply

  # Rules that are resources of their own are the gate's business (crates/xtask/src/iam/rendered.rs).
  assert {
    condition     = length(aws_security_group.standby.ingress) == 0
    error_message = "a rule lets something in"
  }
}

run "https_and_names_go_out_and_nothing_else" {
  command = apply

  assert {
    condition = toset([
      for rule in concat([aws_vpc_security_group_egress_rule.https], values(aws_vpc_security_group_egress_rule.dns)) :
      "${rule.ip_protocol} ${rule.from_port}-${rule.to_port} ${rule.cidr_ipv4}"
    ]) == toset(["tcp 443-443 0.0.0.0/0", "tcp 53-53 10.83.0.0/24", "udp 53-53 10.83.0.0/24"])
    error_message = "another way out"
  }
}

run "a_region_with_one_zone_is_refused" {
  command = plan

  override_data {
    target = data.aws_availability_zones.usable
    values = { names = ["eu-west-3a"] }
  }

  expect_failures = [data.aws_availability_zones.usable]
}
