# Who watches the watchdog. Ten alarms are free; these are six.
resource "aws_sns_topic" "alerts" {
  name = "${var.name}-alerts"
}

resource "aws_sns_topic_policy" "alerts" {
  arn = aws_sns_topic.alerts.arn

  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [
      {
        Sid       = "Alarms"
        Effect    = "Allow"
        Action    = ["sns:Publish"]
        Principal = { Service = "cloudwatch.amazonaws.com" }
        Resource  = aws_sns_topic.alerts.arn
        Condition = {
          StringEquals = { "aws:SourceAccount" = local.account }
          ArnLike      = { "aws:SourceArn" = "arn:${local.partition}:cloudwatch:${var.region}:${local.account}:alarm:${var.name}-*" }
        }
      },
      {
        Sid       = "Budget"
        Effect    = "Allow"
        Action    = ["sns:Publish"]
        Principal = { Service = "budgets.amazonaws.com" }
        Resource  = aws_sns_topic.alerts.arn
        Condition = {
          StringEquals = { "aws:SourceAccount" = local.account }
          ArnLike      = { "aws:SourceArn" = "arn:${local.partition}:budgets::${local.account}:budget/${var.name}" }
        }
      },
    ]
  })
}

resource "aws_sns_topic_subscription" "email" {
  count = var.alert_email == null ? 0 : 1

  topic_arn = aws_sns_topic.alerts.arn
  protocol  = "email"
  endpoint  = var.alert_email
}

locals {
  of_watchdog = { FunctionName = local.function_name }
  of_table    = { TableName = aws_dynamodb_table.state.name }

  # The threshold is what still is well: above it (below it, where `below` says so) somebody is told.
  alarms = {
    watchdog-silent = {
      what    = "The watchdog has not run for five minutes: nobody would start the standby."
      metric  = "AWS/Lambda/Invocations", of = local.of_watchdog, statistic = "Sum", below = true, threshold = 1
      missing = "breaching"
    }
    watchdog-fails = {
      what    = "The watchdog ended in an error; its log says which."
      metric  = "AWS/Lambda/Errors", of = local.of_watchdog, statistic = "Sum", below = false, threshold = 0
      missing = "notBreaching"
    }
    watchdog-throttled = {
      what    = "The watchdog was not let run: the account's functions use up their limit."
      metric  = "AWS/Lambda/Throttles", of = local.of_watchdog, statistic = "Sum", below = false, threshold = 0
      missing = "notBreaching"
    }
    standby-runs-long = {
      what      = "The standby has been running for more than ${var.standby_alarm_hours} hours, and it is paid by the hour."
      metric    = "Relais/StandbyRunningSeconds", of = { Project = var.name }, statistic = "Maximum", below = false
      threshold = var.standby_alarm_hours * 3600
      missing   = "notBreaching"
    }
    table-reads-throttled = {
      what    = "The table refused reads: raise table_read_units."
      metric  = "AWS/DynamoDB/ReadThrottleEvents", of = local.of_table, statistic = "Sum", below = false, threshold = 0
      missing = "notBreaching"
    }
    table-writes-throttled = {
      what    = "The table refused writes: raise table_write_units."
      metric  = "AWS/DynamoDB/WriteThrottleEvents", of = local.of_table, statistic = "Sum", below = false, threshold = 0
      missing = "notBreaching"
    }
  }
}

resource "aws_cloudwatch_metric_alarm" "this" {
  for_each = local.alarms

  alarm_name          = "${var.name}-${each.key}"
  alarm_description   = each.value.what
  namespace           = trimsuffix(each.value.metric, "/${basename(each.value.metric)}")
  metric_name         = basename(each.value.metric)
  dimensions          = each.value.of
  statistic           = each.value.statistic
  period              = 300
  evaluation_periods  = 1
  comparison_operator = each.value.below ? "LessThanThreshold" : "GreaterThanThreshold"
  threshold           = each.value.threshold
  treat_missing_data  = each.value.missing
  alarm_actions       = [aws_sns_topic.alerts.arn]
  ok_actions          = [aws_sns_topic.alerts.arn]
}
