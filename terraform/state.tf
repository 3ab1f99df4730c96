# The lease, the bot's data and the watchdog's memory: one table (docs/decisions/0004-dynamodb.md).
resource "aws_dynamodb_table" "state" {
  name         = var.name
  billing_mode = "PROVISIONED"

  # Provisioned, because 25 units of each are free for ever and on-demand ones are not.
  read_capacity  = var.table_read_units
  write_capacity = var.table_write_units

  hash_key  = "pk"
  range_key = "sk"

  attribute {
    name = "pk"
    type = "S"
  }

  attribute {
    name = "sk"
    type = "S"
  }

  # The marks of operations that nobody repeats any more.
  ttl {
    attribute_name = "expires"
    enabled        = true
  }

  point_in_time_recovery {
    enabled = var.table_has_backups
  }

  deletion_protection_enabled = var.table_is_protected
}
