# Everything in k8s/ that can be applied: renders, fits the schemas of the Kubernetes that K3s is and of its neighbours, and
# Prometheus takes its rules and sees each alert as their tests want it.
{ pkgs }:
let
  inherit (pkgs) lib;
  root = ../k8s;
  foldersIn =
    folder:
    map (name: "${folder}/${name}") (
      lib.attrNames (
        lib.filterAttrs (name: kind: kind == "directory" && name != "base") (
          builtins.readDir (root + "/${folder}")
        )
      )
    );
  sites = lib.concatMap foldersIn [
    "overlays"
    "argocd/overlays"
    "monitoring/overlays"
  ];
  # Of ArgoCD's own kinds Kubernetes knows nothing.
  told = foldersIn "gitops";
  versions = [
    "1.34"
    "1.35"
    "1.36"
  ];
  prometheus = "${root}/monitoring/base/prometheus";
in
assert lib.assertMsg (
  lib.length sites >= 7 && lib.length told >= 2
) "k8s has fewer folders that can be applied than it had: ${toString (sites ++ told)}";
{
  manifests =
    pkgs.runCommand "manifests-are-good"
      {
        nativeBuildInputs = [
          pkgs.kubernetes-validate
          pkgs.kustomize
        ];
      }
      ''
        mkdir "$out"
        ${lib.concatMapStrings (folder: ''
          kustomize build ${root}/${folder} > "$out/${lib.replaceStrings [ "/" ] [ "-" ] folder}.yaml"
        '') (sites ++ told)}
        if grep --recursive --line-regexp 'kind: Secret' "$out"; then
          echo "a Secret is in what Git applies" >&2
          exit 1
        fi
        printf 'apiVersion: v1\nkind: Service\nmetadata:\n  name: a\nspec:\n  slector: {}\n' > broken.yaml
        for version in ${toString versions}; do
          kubernetes-validate --strict --quiet --kubernetes-version "$version" \
            ${toString (map (folder: ''"$out/${lib.replaceStrings [ "/" ] [ "-" ] folder}.yaml"'') sites)}
          if kubernetes-validate --strict --quiet --kubernetes-version "$version" broken.yaml; then
            echo "a key that does not exist is accepted for $version" >&2
            exit 1
          fi
        done
      '';

  alerts = pkgs.runCommand "alerts-are-tested" { nativeBuildInputs = [ pkgs.prometheus.cli ]; } ''
    promtool check config ${prometheus}/prometheus.yml
    promtool test rules ${prometheus}/tests/*.yml
    sed 's/alertname="[A-Za-z]*"/alertname="Nobody"/' ${prometheus}/tests/lease.yml > broken.yml
    sed -i 's|\.\./rules|${prometheus}/rules|' broken.yml
    if promtool test rules broken.yml; then
      echo "an alert that does not exist is seen firing" >&2
      exit 1
    fi
    touch "$out"
  '';

  # The provider that terraform/ asks for is older than nixpkgs' and cannot be fetched in a build: whether it is valid, and its
  # tests, are the gate's.
  terraform-format =
    pkgs.runCommand "terraform-is-formatted" { nativeBuildInputs = [ pkgs.opentofu ]; }
      ''
        cp --recursive --no-preserve=mode ${../terraform} terraform
        tofu fmt -check -diff -recursive terraform
        printf 'locals {\na=1\n}\n' > broken.tf
        if tofu fmt -check broken.tf; then
          echo "a file that is not formatted is accepted" >&2
          exit 1
        fi
        touch "$out"
      '';
}
