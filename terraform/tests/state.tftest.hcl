# The table: free, keyed as the store expects it, and not deleted by mistake.
mock_provider "aws" {
  source = "./tests/mocks"
}

variables {
  # Any file will do where nothing is run.
  watchdog_zip      = "terraform.tf"
  laptop_health_url = "https://laptop.example.ts.net/health"
}

run "table_is_what_the_store_expects" {
  command = apply

  assert {
    condition     = aws_dynamodb_table.state.hash_key == "pk" && aws_dynamodb_table.state.range_key == "sk"
    error_message = "crates/dynamodb/src/table.rs names the keys pk and sk"
  }

  assert {
    condition     = toset([for attribute in aws_dynamodb_table.state.attribute : "${attribute.name} ${attribute.type}"]) == toset(["pk S", "sk S"])
    error_message = "both keys are strings, and nothing else is indexed"
  }

  assert {
    condition     = aws_dynamodb_table.state.ttl[0].attribute_name == "expires" && aws_dynamodb_table.state.ttl[0].enabled
    error_message = "marks of operations would be kept for ever"
  }

  assert {
    condition     = output.store == "dynamodb:relais?region=eu-west-3"
    error_message = "the output is the address as the settings want it"
  }
}

run "table_is_free_and_protected_unless_told_otherwise" {
  command = plan

  assert {
    condition     = aws_dynamodb_table.state.billing_mode == "PROVISIONED" && aws_dynamodb_table.state.read_capacity <= 25 && aws_dynamodb_table.state.write_capacity <= 25
    error_message = "only provisioned units, up to 25 of each, are free"
  }

  assert {
    condition     = aws_dynamodb_table.state.deletion_protection_enabled
    error_message = "a table with everybody's reminders must not go by mistake"
  }

  assert {
    condition     = !aws_dynamodb_table.state.point_in_time_recovery[0].enabled
    error_message = "backups are paid for, so they are asked for"
  }
}

run "protection_can_be_taken_off_to_take_everything_down" {
  command = plan

  variables {
    table_is_protected = false
    table_has_backups  = true
  }

  assert {
    condition     = !aws_dynamodb_table.state.deletion_protection_enabled && aws_dynamodb_table.state.point_in_time_recovery[0].enabled
    error_message = "the two switches do not reach the table"
  }
}

run "too_few_reads_are_refused" {
  command = plan
  variables {
    table_read_units = 2
  }
  expect_failures = [var.table_read_units]
}

run "paid_reads_are_refused" {
  command = plan
  variables {
    table_read_units = 26
  }
  expect_failures = [var.table_read_units]
}

run "half_a_write_is_refused" {
  command = plan
  variables {
    table_write_units = 2.5
  }
  expect_failures = [var.table_write_units]
}

run "paid_writes_are_refused" {
  command = plan
  variables {
    table_write_units = 30
  }
  expect_failures = [var.table_write_units]
}

run "a_name_that_aws_would_mangle_is_refused" {
  command = plan
  variables {
    name = "My Bot"
  }
  expect_failures = [var.name]
}

run "something_that_is_no_region_is_refused" {
  command = plan
  variables {
    region = "Paris"
  }
  expect_failures = [var.region]
}
