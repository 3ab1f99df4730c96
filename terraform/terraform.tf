# What runs this: Terraform or OpenTofu, and the one provider. 1.11 is the first that can hand a value to a resource
# without keeping it (secrets.tf).
terraform {
  required_version = ">= 1.11"

  required_providers {
    aws = {
      source  = "hashicorp/aws"
      version = "~> 5.100"
    }
  }

  # The state holds no secret, and it must outlive the machine that applied it: README.md shows a remote one.
}
