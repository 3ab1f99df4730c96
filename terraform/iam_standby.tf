# Who the standby is to AWS: a bot like the laptop's, and its one secret.
resource "aws_iam_role" "standby" {
  name        = "${var.name}-standby"
  path        = "/${var.name}/"
  description = "The standby of ${var.name}"

  assume_role_policy = jsonencode({
    Version = "2012-10-17"
    Statement = [
      {
        Sid       = "Machines"
        Effect    = "Allow"
        Action    = ["sts:AssumeRole"]
        Principal = { Service = "ec2.amazonaws.com" }
      },
    ]
  })
}

resource "aws_iam_role_policy" "standby" {
  name   = "lease-and-state"
  role   = aws_iam_role.standby.name
  policy = jsonencode(local.policy_of_bots)
}

resource "aws_iam_role_policy" "standby_secrets" {
  name = "secrets"
  role = aws_iam_role.standby.name

  policy = jsonencode({
    Version   = "2012-10-17"
    Statement = local.policy_of_secrets.standby
  })
}

resource "aws_iam_instance_profile" "standby" {
  name = "${var.name}-standby"
  path = "/${var.name}/"
  role = aws_iam_role.standby.name
}
