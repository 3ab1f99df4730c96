# Secrets are named here and kept nowhere.
mock_provider "aws" {
  source = "./tests/mocks"
}

variables {
  # Any file will do where nothing is run.
  watchdog_zip      = "terraform.tf"
  laptop_health_url = "https://laptop.example.ts.net/health"
}

run "values_are_handed_over_and_not_kept" {
  command = apply

  # A value that is kept has no version of its own; one whose version moves would be overwritten.
  assert {
    condition     = alltrue([for secret in aws_ssm_parameter.secret : secret.type == "SecureString" && secret.value_wo_version == 1])
    error_message = "a secret is kept in the state, or would be overwritten by the next apply"
  }

  assert {
    condition     = output.secrets == tolist(["/relais/age-key", "/relais/health-key"])
    error_message = "whoever puts the values there must know where"
  }
}

run "the_webhook_is_a_secret_if_there_is_one" {
  command = apply

  variables {
    alerts_to_discord = true
  }

  assert {
    condition     = contains(output.secrets, "/relais/alert-webhook")
    error_message = "the webhook's address is worth as much as a password"
  }
}
