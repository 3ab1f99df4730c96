# The image is only referenced: found as asked, refused in one sentence if it is not there or not ours.
mock_provider "aws" {
  source = "./tests/mocks"
}

variables {
  # Any file will do where nothing is run.
  watchdog_zip      = "terraform.tf"
  laptop_health_url = "https://laptop.example.ts.net/health"
}

run "without_a_published_image_nothing_is_made" {
  command = plan

  override_data {
    target = data.aws_ami_ids.published
    values = { ids = [] }
  }

  expect_failures = [data.aws_ami_ids.published]
}

run "only_images_of_this_project_and_these_processors_count" {
  command = plan

  variables {
    name           = "other-bot"
    architecture   = "arm64"
    instance_types = ["t4g.small"]
  }

  assert {
    condition = {
      for filter in data.aws_ami_ids.published.filter : filter.name => join(",", filter.values)
    } == { "tag:Project" = "other-bot", "tag:Role" = "image", architecture = "arm64" }
    error_message = "an image of somebody else would be launched with our rights"
  }

  assert {
    condition     = data.aws_ami_ids.published.owners == tolist(["self"]) && data.aws_ssm_parameter.ami[0].name == "/other-bot/ami"
    error_message = "looked for at the wrong place"
  }
}

run "a_parameter_that_names_a_stranger_is_refused" {
  command = plan

  override_data {
    target = data.aws_ssm_parameter.ami[0]
    values = { insecure_value = "ami-0badbadbadbadbad0" }
  }

  expect_failures = [data.aws_ssm_parameter.ami[0]]
}

run "the_newest_by_tag_needs_no_parameter" {
  command = plan

  variables {
    ami_from = "tag"
  }

  assert {
    condition     = length(data.aws_ssm_parameter.ami) == 0 && output.image == "ami-0fedcba9876543210"
    error_message = "not the newest"
  }
}

run "a_type_for_other_processors_is_refused" {
  command = plan
  variables {
    instance_types = ["t3.small", "t4g.small"]
  }
  expect_failures = [var.instance_types]
}

run "no_type_is_refused" {
  command = plan
  variables {
    instance_types = []
  }
  expect_failures = [var.instance_types]
}

run "five_types_are_refused" {
  command = plan
  variables {
    instance_types = ["t3.small", "t3a.small", "t3.medium", "t3a.medium", "m7i.large"]
  }
  expect_failures = [var.instance_types]
}

run "another_way_to_find_the_image_is_refused" {
  command = plan
  variables {
    ami_from = "newest"
  }
  expect_failures = [var.ami_from]
}
