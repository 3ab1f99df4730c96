# What the tests' AWS answers: an account in Paris with one published image.
mock_data "aws_caller_identity" {
  defaults = { account_id = "123456789012" }
}

mock_data "aws_partition" {
  defaults = { partition = "aws" }
}

mock_data "aws_availability_zones" {
  defaults = { names = ["eu-west-3b", "eu-west-3a", "eu-west-3c"] }
}

mock_data "aws_ami_ids" {
  defaults = { ids = ["ami-0fedcba9876543210", "ami-00000000000000001"] }
}

mock_data "aws_ssm_parameter" {
  defaults = { insecure_value = "ami-00000000000000001" }
}

mock_data "aws_ami" {
  defaults = { root_device_name = "/dev/xvda" }
}

mock_resource "aws_dynamodb_table" {
  defaults = { arn = "arn:aws:dynamodb:eu-west-3:123456789012:table/relais" }
}

mock_resource "aws_subnet" {
  defaults = { arn = "arn:aws:ec2:eu-west-3:123456789012:subnet/subnet-0123456789abcdef0", id = "subnet-0123456789abcdef0" }
}

mock_resource "aws_security_group" {
  defaults = { arn = "arn:aws:ec2:eu-west-3:123456789012:security-group/sg-0123456789abcdef0", id = "sg-0123456789abcdef0" }
}

mock_resource "aws_launch_template" {
  defaults = { arn = "arn:aws:ec2:eu-west-3:123456789012:launch-template/lt-0123456789abcdef0", id = "lt-0123456789abcdef0" }
}

mock_resource "aws_instance" {
  defaults = { id = "i-0123456789abcdef0" }
}

mock_resource "aws_iam_role" {
  defaults = { arn = "arn:aws:iam::123456789012:role/relais/relais-standby" }
}

mock_resource "aws_iam_instance_profile" {
  defaults = { arn = "arn:aws:iam::123456789012:instance-profile/relais/relais-standby" }
}

mock_resource "aws_ssm_parameter" {
  defaults = { arn = "arn:aws:ssm:eu-west-3:123456789012:parameter/relais/any" }
}

mock_resource "aws_sns_topic" {
  defaults = { arn = "arn:aws:sns:eu-west-3:123456789012:relais-alerts" }
}

mock_resource "aws_cloudwatch_log_group" {
  defaults = { arn = "arn:aws:logs:eu-west-3:123456789012:log-group:/aws/lambda/relais-watchdog" }
}

mock_resource "aws_lambda_function" {
  defaults = { arn = "arn:aws:lambda:eu-west-3:123456789012:function:relais-watchdog" }
}

mock_resource "aws_scheduler_schedule_group" {
  defaults = { arn = "arn:aws:scheduler:eu-west-3:123456789012:schedule-group/relais" }
}
