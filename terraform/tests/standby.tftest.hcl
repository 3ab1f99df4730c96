# The standby in both modes.
mock_provider "aws" {
  source = "./tests/mocks"
}

variables {
  # Any file will do where nothing is run.
  watchdog_zip      = "terraform.tf"
  laptop_health_url = "https://laptop.example.ts.net/health"
}

run "nothing_but_a_template_exists_at_rest" {
  command = apply

  assert {
    condition     = length(aws_launch_template.standby) == 1 && length(aws_instance.standby) == 0 && length(aws_ec2_instance_state.standby) == 0
    error_message = "a machine is paid while it waits"
  }

  assert {
    condition     = aws_launch_template.standby[0].image_id == "ami-00000000000000001" && output.image == "ami-00000000000000001"
    error_message = "not the image that the parameter names"
  }

  assert {
    condition     = length(aws_launch_template.standby[0].network_interfaces) == 0
    error_message = "with an interface in the template AWS refuses a subnet at launch"
  }

  assert {
    condition     = aws_launch_template.standby[0].instance_initiated_shutdown_behavior == "terminate"
    error_message = "a machine that switches itself off would stay and be paid"
  }
}

run "a_launched_machine_keeps_its_credentials_and_its_disk_to_itself" {
  command = apply

  assert {
    condition     = one(aws_launch_template.standby[0].metadata_options).http_tokens == "required" && one(aws_launch_template.standby[0].metadata_options).http_put_response_hop_limit == 1
    error_message = "anybody on the machine, or a pod, could ask for its credentials"
  }

  assert {
    condition = alltrue([
      for disk in one(aws_launch_template.standby[0].block_device_mappings[*]).ebs :
      disk.encrypted == "true" && disk.volume_type == "gp3" && disk.volume_size == 8 && disk.delete_on_termination == "true"
    ]) && one(aws_launch_template.standby[0].block_device_mappings[*]).device_name == "/dev/xvda"
    error_message = "the root disk is in plain text, of another kind, or outlives its machine"
  }

  assert {
    condition = toset([for tagged in aws_launch_template.standby[0].tag_specifications : "${tagged.resource_type} ${jsonencode(tagged.tags)}"]) == toset([
      for kind in ["instance", "volume", "network-interface"] : "${kind} ${jsonencode({ Project = "relais", Role = "standby", Name = "relais-standby" })}"
    ])
    error_message = "the watchdog finds and ends machines by their tags"
  }
}

run "the_disk_is_filled_early_if_asked_for" {
  command = apply

  variables {
    volume_initialization_mib_per_second = 200
    root_volume_gib                      = 12
  }

  assert {
    condition     = alltrue([for disk in one(aws_launch_template.standby[0].block_device_mappings[*]).ebs : disk.volume_initialization_rate == 200 && disk.volume_size == 12])
    error_message = "the two inputs do not reach the disk"
  }
}

run "one_machine_is_kept_stopped" {
  command = apply

  variables {
    standby_mode = "stopped"
  }

  assert {
    condition     = length(aws_launch_template.standby) == 0 && aws_ec2_instance_state.standby[0].state == "stopped"
    error_message = "the machine is not switched off"
  }

  assert {
    condition     = aws_instance.standby[0].tags == tomap({ Project = "relais", Role = "standby", Name = "relais-standby" })
    error_message = "the watchdog finds its machine by its tags"
  }

  assert {
    condition     = one(aws_instance.standby[0].metadata_options).http_tokens == "required" && one(aws_instance.standby[0].metadata_options).http_put_response_hop_limit == 1
    error_message = "anybody on the machine, or a pod, could ask for its credentials"
  }

  assert {
    condition     = one(aws_instance.standby[0].root_block_device).encrypted && one(aws_instance.standby[0].root_block_device).volume_type == "gp3" && one(aws_instance.standby[0].root_block_device).delete_on_termination
    error_message = "the root disk is in plain text, of another kind, or outlives its machine"
  }
}

run "a_rate_that_aws_does_not_have_is_refused" {
  command = plan
  variables {
    volume_initialization_mib_per_second = 301
  }
  expect_failures = [var.volume_initialization_mib_per_second]
}

run "spot_is_refused_where_a_machine_is_kept" {
  command = plan
  variables {
    standby_mode = "stopped"
    spot_first   = true
  }
  expect_failures = [var.spot_first]
}

run "an_unknown_mode_is_refused" {
  command = plan
  variables {
    standby_mode = "warm"
  }
  expect_failures = [var.standby_mode]
}
