# The watchdog: one function that is woken every minute and looks for all of it.
locals {
  # The passes, and time for a cold start, the last look and the alerts.
  watchdog_seconds = ceil(local.policy.passes_ms / 1000) + 8

  standby_of_mode = {
    launch = {
      kind     = "launch"
      project  = var.name
      template = one(aws_launch_template.standby[*].id)
      types    = var.instance_types
      subnets  = aws_subnet.standby[*].id
      market   = var.spot_first ? "spot-first" : "on-demand"
    }
    stopped = { kind = "stopped", project = var.name }
  }

  watchdog_config = jsonencode({
    store   = local.store
    probe   = { url = var.laptop_health_url, key_parameter = aws_ssm_parameter.secret["health-key"].name }
    standby = local.standby_of_mode[var.standby_mode]
    # Unknown keys are refused over there, so what is not asked for is left out.
    alerts = merge(
      { topic = aws_sns_topic.alerts.arn },
      { for secret in aws_ssm_parameter.secret : "webhook_parameter" => secret.name if endswith(secret.name, "/alert-webhook") },
    )
    policy = local.policy
  })
}

resource "aws_cloudwatch_log_group" "watchdog" {
  name              = "/aws/lambda/${local.function_name}"
  retention_in_days = var.log_retention_days
}

resource "aws_lambda_function" "watchdog" {
  function_name    = local.function_name
  description      = "Starts the standby of ${var.name} when the laptop is gone"
  role             = aws_iam_role.watchdog.arn
  runtime          = "provided.al2023"
  architectures    = ["x86_64"]
  handler          = "bootstrap"
  filename         = var.watchdog_zip
  source_code_hash = filebase64sha256(var.watchdog_zip)
  memory_size      = 128
  timeout          = local.watchdog_seconds

  environment {
    variables = { RELAIS_CONFIG = local.watchdog_config }
  }

  logging_config {
    log_format = "JSON"
    log_group  = aws_cloudwatch_log_group.watchdog.name
  }

  lifecycle {
    # Two that overlap meet at the memory's revision; three would only be paid.
    precondition {
      condition     = local.policy.passes_ms <= 60000
      error_message = "passes_ms of the policy is longer than the minute after which the watchdog is woken again."
    }

    # Lambda counts names and values of all variables together.
    precondition {
      condition     = length("RELAIS_CONFIG") + length(local.watchdog_config) <= 4096
      error_message = "The watchdog's settings are longer than the 4 KB that Lambda takes: shorten laptop_health_url, instance_types or the policy."
    }
  }

  depends_on = [aws_iam_role_policy.watchdog, aws_iam_role_policy.watchdog_machines]
}

# A look that comes late is worth nothing: the next minute brings a new one.
resource "aws_lambda_function_event_invoke_config" "watchdog" {
  function_name                = aws_lambda_function.watchdog.function_name
  maximum_retry_attempts       = 0
  maximum_event_age_in_seconds = 60
}

resource "aws_scheduler_schedule_group" "watchdog" {
  name = var.name
}

resource "aws_scheduler_schedule" "watchdog" {
  name                = "${var.name}-watchdog"
  group_name          = aws_scheduler_schedule_group.watchdog.name
  description         = "Wakes the watchdog"
  schedule_expression = "rate(1 minute)"

  flexible_time_window {
    mode = "OFF"
  }

  target {
    arn      = aws_lambda_function.watchdog.arn
    role_arn = aws_iam_role.schedule.arn
    input    = jsonencode({ reason = "schedule" })

    retry_policy {
      maximum_retry_attempts       = 0
      maximum_event_age_in_seconds = 60
    }
  }

  # A watchdog that wakes earlier would start the machine while Terraform waits for it to stop.
  depends_on = [aws_ec2_instance_state.standby, aws_iam_role_policy.schedule, aws_lambda_function_event_invoke_config.watchdog]
}
