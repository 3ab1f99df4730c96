# A folder of Kustomize, rendered when the system is built: what does not render is never on a machine.
pkgs: name: folder:
pkgs.runCommand "relais-${name}.yaml" { nativeBuildInputs = [ pkgs.kustomize ]; } ''
  kustomize build ${folder} > "$out"
''
