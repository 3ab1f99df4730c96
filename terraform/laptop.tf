# Who the laptop is to AWS. Its access key is made by hand (README.md): a key that Terraform made would stand in the state.
resource "aws_iam_user" "laptop" {
  name = "${var.name}-laptop"
  path = "/${var.name}/"
}

resource "aws_iam_user_policy" "laptop" {
  name   = "lease-and-state"
  user   = aws_iam_user.laptop.name
  policy = jsonencode(local.policy_of_bots)
}

# Before it sleeps it may ask the watchdog to look at once, and no more than that.
resource "aws_iam_user_policy" "laptop_wakes_the_watchdog" {
  name   = "wakes-the-watchdog"
  user   = aws_iam_user.laptop.name
  policy = jsonencode(local.policy_of_wakers)
}
