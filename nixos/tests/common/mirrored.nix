# The repository as a Git server would have it, on the machine itself.
{ self, pkgs }:
let
  repository =
    pkgs.runCommand "relais.git"
      {
        nativeBuildInputs = [ pkgs.gitMinimal ];
      }
      ''
        export HOME=$PWD GIT_AUTHOR_NAME=a GIT_AUTHOR_EMAIL=a@b GIT_COMMITTER_NAME=a GIT_COMMITTER_EMAIL=a@b
        cp --recursive --no-preserve=mode ${self}/k8s work
        mkdir tree && mv work tree/k8s && cd tree
        git init --quiet --initial-branch main
        git add --all
        git commit --quiet --message first
        git clone --quiet --bare . "$out"
      '';
in
{
  services.relais.argocd.repository = "file://${repository}";
  # It belongs to root, and who fetches is not root.
  environment.etc.gitconfig.text = "[safe]\n\tdirectory = *\n";
}
