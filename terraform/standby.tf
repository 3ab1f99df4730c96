# The standby, in one of two modes. launch: only a template, from which the watchdog makes a machine and ends it.
resource "aws_launch_template" "standby" {
  count = local.launches ? 1 : 0

  name                                 = "${var.name}-standby"
  description                          = "The standby of ${var.name}; the watchdog chooses type and subnet."
  update_default_version               = true
  image_id                             = local.ami_id
  instance_type                        = var.instance_types[0]
  vpc_security_group_ids               = [aws_security_group.standby.id]
  instance_initiated_shutdown_behavior = "terminate"

  iam_instance_profile {
    arn = aws_iam_instance_profile.standby.arn
  }

  # One hop, so that pods do not reach the machine's credentials.
  metadata_options {
    http_endpoint               = "enabled"
    http_tokens                 = "required"
    http_put_response_hop_limit = 1
  }

  block_device_mappings {
    device_name = data.aws_ami.standby.root_device_name

    ebs {
      volume_type                = "gp3"
      volume_size                = var.root_volume_gib
      encrypted                  = true
      delete_on_termination      = true
      volume_initialization_rate = var.volume_initialization_mib_per_second
    }
  }

  dynamic "tag_specifications" {
    for_each = ["instance", "volume", "network-interface"]

    content {
      resource_type = tag_specifications.value
      tags          = local.standby_tags
    }
  }
}

# stopped: one machine that waits, switched off. A new image replaces it, so apply while the bot is at home.
resource "aws_instance" "standby" {
  count = local.launches ? 0 : 1

  ami                                  = local.ami_id
  instance_type                        = var.instance_types[0]
  subnet_id                            = aws_subnet.standby[0].id
  vpc_security_group_ids               = [aws_security_group.standby.id]
  associate_public_ip_address          = true
  iam_instance_profile                 = aws_iam_instance_profile.standby.name
  instance_initiated_shutdown_behavior = "stop"
  tags                                 = local.standby_tags

  metadata_options {
    http_endpoint               = "enabled"
    http_tokens                 = "required"
    http_put_response_hop_limit = 1
  }

  root_block_device {
    volume_type           = "gp3"
    volume_size           = var.root_volume_gib
    encrypted             = true
    delete_on_termination = true
    tags                  = local.standby_tags
  }

  lifecycle {
    # A stopped machine has no address, which reads as a change.
    ignore_changes = [associate_public_ip_address]
  }

  # The first start must find its rights and its way out.
  depends_on = [aws_iam_role_policy.standby, aws_route_table_association.standby]
}

# Switched off once, when it is made; from then on its state is the watchdog's business.
resource "aws_ec2_instance_state" "standby" {
  count = local.launches ? 0 : 1

  instance_id = aws_instance.standby[0].id
  state       = "stopped"

  lifecycle {
    ignore_changes = [state]
  }
}
