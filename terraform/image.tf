# The image is built and published outside (`publish-ami`); here it is only looked up, and refused if it is not ours.
data "aws_ami_ids" "published" {
  owners = ["self"]

  filter {
    name   = "tag:Project"
    values = [var.name]
  }

  filter {
    name   = "tag:Role"
    values = ["image"]
  }

  filter {
    name   = "architecture"
    values = [var.architecture]
  }

  lifecycle {
    postcondition {
      condition     = length(self.ids) > 0
      error_message = "No image of ${var.name} for ${var.architecture} is published in ${var.region}: publish one with publish-ami, then apply again."
    }
  }
}

data "aws_ssm_parameter" "ami" {
  count = var.ami_from == "parameter" ? 1 : 0
  name  = "/${var.name}/ami"

  # Where nothing is published that is said once, above, and not again as a parameter that is missing.
  depends_on = [data.aws_ami_ids.published]

  lifecycle {
    postcondition {
      condition     = contains(data.aws_ami_ids.published.ids, self.insecure_value)
      error_message = "The parameter /${var.name}/ami names ${self.insecure_value}, which is no published image of ${var.name} for ${var.architecture}: publish one with publish-ami, or put the id of one of ${join(", ", data.aws_ami_ids.published.ids)} there."
    }
  }
}

locals {
  # The list begins with the newest.
  ami_id = var.ami_from == "parameter" ? data.aws_ssm_parameter.ami[0].insecure_value : data.aws_ami_ids.published.ids[0]
}

# For the name of its root disk: under another name the template would add a second disk and leave the first unencrypted.
data "aws_ami" "standby" {
  owners = ["self"]

  filter {
    name   = "image-id"
    values = [local.ami_id]
  }
}
