locals {
  store = "dynamodb:${aws_dynamodb_table.state.name}?region=${var.region}"
}

output "store" {
  description = "The store's address for the settings of both sites and of the watchdog."
  value       = local.store
}

output "table_arn" {
  description = "The table, for policies of your own."
  value       = aws_dynamodb_table.state.arn
}

output "laptop_user" {
  description = "The IAM user whose access key the laptop has."
  value       = aws_iam_user.laptop.name
}

output "secrets" {
  description = "The parameters whose values are put there by hand."
  value       = sort([for secret in aws_ssm_parameter.secret : secret.name])
}

output "watchdog" {
  description = "The function that looks, for the laptop's settings and for its log."
  value       = aws_lambda_function.watchdog.function_name
}

output "watchdog_log_group" {
  description = "Where the watchdog's log is."
  value       = aws_cloudwatch_log_group.watchdog.name
}

output "standby" {
  description = "The template that the watchdog launches from, or the machine that it starts."
  value       = local.launches ? one(aws_launch_template.standby[*].id) : one(aws_instance.standby[*].id)
}

output "image" {
  description = "The image of the standby."
  value       = local.ami_id
}

output "alerts_topic" {
  description = "The topic of alerts and alarms, for subscriptions of your own."
  value       = aws_sns_topic.alerts.arn
}
