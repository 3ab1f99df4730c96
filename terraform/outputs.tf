output "store" {
  description = "The store's address for the settings of both sites and of the watchdog."
  value       = "dynamodb:${aws_dynamodb_table.state.name}?region=${var.region}"
}

output "table_arn" {
  description = "The table, for policies of your own."
  value       = aws_dynamodb_table.state.arn
}

output "laptop_user" {
  description = "The IAM user whose access key the laptop has."
  value       = aws_iam_user.laptop.name
}
