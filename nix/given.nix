# What the clusters are given is what k8s/ renders, byte for byte: this folder, this program, nothing after it.
{ lib, rendered }:
let
  of =
    host: overlay:
    let
      rendersTo =
        command: folder:
        command == ''
          kustomize build ${../k8s}/${folder} > "$out"
        '';
      inherit (rendered.${host}) k3s;
    in
    {
      "${host}: its cluster begins with what k8s/overlays/${overlay} renders" =
        rendersTo k3s.workloads "overlays/${overlay}";
      "${host}: it begins with that and nothing else" = lib.attrNames k3s.manifests == [ "relais" ];
      "${host}: its ArgoCD is what k8s/argocd renders" =
        rendersTo k3s.argocd.core "argocd/overlays/${overlay}";
      "${host}: its ArgoCD is told what k8s/gitops renders" =
        rendersTo k3s.argocd.told "gitops/${overlay}";
    };
in
of "laptop" "laptop" // of "ec2" "ec2"
