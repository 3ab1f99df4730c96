# Somebody is told: by alarms that are free, a budget, and e-mail if asked for.
mock_provider "aws" {
  source = "./tests/mocks"
}

variables {
  # Any file will do where nothing is run.
  watchdog_zip      = "terraform.tf"
  laptop_health_url = "https://laptop.example.ts.net/health"
}

run "every_alarm_tells_and_all_are_free" {
  command = apply

  assert {
    condition     = length(aws_cloudwatch_metric_alarm.this) <= 10
    error_message = "ten alarms are free"
  }

  assert {
    condition     = alltrue([for alarm in aws_cloudwatch_metric_alarm.this : alarm.alarm_actions == toset(["arn:aws:sns:eu-west-3:123456789012:relais-alerts"]) && alarm.ok_actions == alarm.alarm_actions])
    error_message = "an alarm that nobody hears"
  }

  assert {
    condition = toset([for alarm in aws_cloudwatch_metric_alarm.this : "${alarm.namespace} ${alarm.metric_name}"]) == toset([
      "AWS/Lambda Invocations", "AWS/Lambda Errors", "AWS/Lambda Throttles", "Relais StandbyRunningSeconds",
      "AWS/DynamoDB ReadThrottleEvents", "AWS/DynamoDB WriteThrottleEvents",
    ])
    error_message = "something is not watched"
  }
}

run "silence_is_an_alarm" {
  command = apply

  assert {
    condition = [
      for alarm in [aws_cloudwatch_metric_alarm.this["watchdog-silent"]] :
      "${alarm.treat_missing_data} ${alarm.comparison_operator} ${alarm.threshold} of ${alarm.statistic} in ${alarm.period * alarm.evaluation_periods} s"
    ] == ["breaching LessThanThreshold 1 of Sum in 300 s"]
    error_message = "a watchdog that does not run at all sends no figure"
  }

  assert {
    condition     = alltrue([for name, alarm in aws_cloudwatch_metric_alarm.this : alarm.treat_missing_data == "notBreaching" if name != "watchdog-silent"])
    error_message = "no figure is good news elsewhere"
  }
}

run "a_standby_that_runs_long_is_an_alarm" {
  command = apply

  variables {
    standby_alarm_hours = 3
  }

  assert {
    condition     = aws_cloudwatch_metric_alarm.this["standby-runs-long"].threshold == 10800 && aws_cloudwatch_metric_alarm.this["standby-runs-long"].dimensions == tomap({ Project = "relais" })
    error_message = "three hours of this project's standby"
  }
}

run "the_budget_warns_before_and_when_it_is_spent" {
  command = apply

  variables {
    budget_usd = 5
  }

  assert {
    condition     = aws_budgets_budget.monthly.limit_amount == "5.0" && aws_budgets_budget.monthly.time_unit == "MONTHLY" && aws_budgets_budget.monthly.limit_unit == "USD"
    error_message = "another budget than asked for"
  }

  assert {
    condition = toset([
      for notification in aws_budgets_budget.monthly.notification :
      "${notification.notification_type} ${notification.threshold} ${notification.threshold_type} ${join(",", notification.subscriber_sns_topic_arns)}"
      ]) == toset([
      "ACTUAL 80 PERCENTAGE arn:aws:sns:eu-west-3:123456789012:relais-alerts",
      "FORECASTED 100 PERCENTAGE arn:aws:sns:eu-west-3:123456789012:relais-alerts",
    ])
    error_message = "nobody hears of it"
  }
}

run "nobody_is_written_to_unless_asked_for" {
  command = plan

  assert {
    condition     = length(aws_sns_topic_subscription.email) == 0
    error_message = "an address out of nowhere"
  }
}

run "e_mail_is_sent_if_asked_for" {
  command = apply

  variables {
    alert_email = "somebody@example.com"
  }

  assert {
    condition     = aws_sns_topic_subscription.email[0].protocol == "email" && aws_sns_topic_subscription.email[0].endpoint == "somebody@example.com"
    error_message = "the address does not reach the topic"
  }
}
