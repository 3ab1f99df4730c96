# Bad inputs of the watchdog, the alarms and the budget are refused before anything is made.
mock_provider "aws" {
  source = "./tests/mocks"
}

variables {
  # Any file will do where nothing is run.
  watchdog_zip      = "terraform.tf"
  laptop_health_url = "https://laptop.example.ts.net/health"
}

run "a_watchdog_that_is_not_built_is_refused" {
  command = plan
  variables {
    watchdog_zip = "target/no-such.zip"
  }
  expect_failures = [var.watchdog_zip]
}

run "health_in_plain_text_is_refused" {
  command = plan
  variables {
    laptop_health_url = "http://laptop.example.ts.net/health"
  }
  expect_failures = [var.laptop_health_url]
}

run "health_with_a_query_is_refused" {
  command = plan
  variables {
    laptop_health_url = "https://laptop.example.ts.net/health?key=secret"
  }
  expect_failures = [var.laptop_health_url]
}

run "a_file_that_is_no_policy_is_refused" {
  command = plan
  variables {
    policy_file = "terraform.tf"
  }
  expect_failures = [var.policy_file]
}

run "a_policy_that_is_not_there_is_refused" {
  command = plan
  variables {
    policy_file = "tests/data/no-such.json"
  }
  expect_failures = [var.policy_file]
}

run "an_odd_retention_is_refused" {
  command = plan
  variables {
    log_retention_days = 10
  }
  expect_failures = [var.log_retention_days]
}

run "an_alarm_that_never_rings_is_refused" {
  command = plan
  variables {
    standby_alarm_hours = 1000
  }
  expect_failures = [var.standby_alarm_hours]
}

run "a_budget_of_nothing_is_refused" {
  command = plan
  variables {
    budget_usd = 0
  }
  expect_failures = [var.budget_usd]
}

run "something_that_is_no_address_is_refused" {
  command = plan
  variables {
    alert_email = "somebody"
  }
  expect_failures = [var.alert_email]
}
