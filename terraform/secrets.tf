# The secrets, by name only. `value_wo` is handed over once and kept neither in the state nor in a plan; its version never
# changes, so what is put there by hand (README.md) is neither read nor overwritten.
locals {
  secrets = merge(
    {
      age-key    = "The age key that opens the secrets of the standby."
      health-key = "The key that signs the laptop's health, as its health server has it."
    },
    var.alerts_to_discord ? { alert-webhook = "The address of the Discord webhook for alerts." } : {},
  )
}

resource "aws_ssm_parameter" "secret" {
  for_each = local.secrets

  name             = "/${var.name}/${each.key}"
  description      = each.value
  type             = "SecureString"
  value_wo         = "unset"
  value_wo_version = 1
}

locals {
  # AWS's own key for parameters, used by SSM for these parameters and for nothing else (SSM documentation: SecureString
  # names its parameter in the encryption context).
  policy_of_secrets = {
    for reader, names in {
      watchdog = setintersection(keys(local.secrets), ["health-key", "alert-webhook"])
      standby  = ["age-key"]
      } : reader => [
      {
        Sid      = "ReadsItsSecrets"
        Effect   = "Allow"
        Action   = ["ssm:GetParameter", "ssm:GetParameters"]
        Resource = [for name in names : aws_ssm_parameter.secret[name].arn]
      },
      {
        Sid      = "OpensItsSecrets"
        Effect   = "Allow"
        Action   = ["kms:Decrypt"]
        Resource = "arn:${local.partition}:kms:${var.region}:${local.account}:key/*"
        Condition = {
          StringEquals = {
            "kms:ViaService"                      = "ssm.${var.region}.amazonaws.com"
            "kms:EncryptionContext:PARAMETER_ARN" = [for name in names : aws_ssm_parameter.secret[name].arn]
          }
        }
      },
    ]
  }
}
