# The standby's disk, raw, as `publish-ami` takes it: the host `ec2` for machines of this kind.
{ ec2, system }:
(ec2.extendModules { modules = [ { nixpkgs.hostPlatform = system; } ]; })
.config.system.build.images.amazon
