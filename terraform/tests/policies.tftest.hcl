# The policies of each mode as the gate reads them (crates/xtask/src/iam.rs): with names that tell things apart.
mock_provider "aws" {
  source = "./tests/mocks"

  override_resource {
    target = aws_iam_role.watchdog
    values = { arn = "arn:aws:iam::123456789012:role/relais/relais-watchdog" }
  }

  override_resource {
    target = aws_subnet.standby[0]
    values = { arn = "arn:aws:ec2:eu-west-3:123456789012:subnet/subnet-0" }
  }

  override_resource {
    target = aws_subnet.standby[1]
    values = { arn = "arn:aws:ec2:eu-west-3:123456789012:subnet/subnet-1" }
  }

  override_resource {
    target = aws_ssm_parameter.secret["age-key"]
    values = { arn = "arn:aws:ssm:eu-west-3:123456789012:parameter/relais/age-key" }
  }

  override_resource {
    target = aws_ssm_parameter.secret["health-key"]
    values = { arn = "arn:aws:ssm:eu-west-3:123456789012:parameter/relais/health-key" }
  }

  override_resource {
    target = aws_ssm_parameter.secret["alert-webhook"]
    values = { arn = "arn:aws:ssm:eu-west-3:123456789012:parameter/relais/alert-webhook" }
  }
}

variables {
  # Any file will do where nothing is run.
  watchdog_zip      = "terraform.tf"
  laptop_health_url = "https://laptop.example.ts.net/health"
  alerts_to_discord = true
}

run "launch" {
  command = apply
}

run "spot" {
  command = apply
  variables {
    spot_first = true
  }
}

run "stopped" {
  command = apply
  variables {
    standby_mode = "stopped"
  }
}
