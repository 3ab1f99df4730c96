# What runs this: Terraform or OpenTofu, and the one provider.
terraform {
  required_version = ">= 1.9"

  required_providers {
    aws = {
      source  = "hashicorp/aws"
      version = "~> 5.100"
    }
  }

  # The state holds no secret, and it must outlive the machine that applied it: README.md shows a remote one.
}
