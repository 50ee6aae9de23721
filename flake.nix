{
  description = "Renders Kubernetes manifests and fills their secrets from a store";

  inputs.nixpkgs.url = "github:NixOS/nixpkgs/nixos-unstable";

  outputs = { self, nixpkgs }:
    let
      systems = [ "x86_64-linux" "aarch64-linux" "x86_64-darwin" "aarch64-darwin" ];
      forEach = make: nixpkgs.lib.genAttrs systems (system: make nixpkgs.legacyPackages.${system});
      manifest = (nixpkgs.lib.importTOML ./Cargo.toml).package;
    in
    {
      packages = forEach (pkgs: rec {
        default = keyfill;
        keyfill = pkgs.rustPlatform.buildRustPackage {
          pname = manifest.name;
          inherit (manifest) version;
          src = self;
          cargoLock.lockFile = ./Cargo.lock;
          cargoBuildFlags = [ "--bin" "keyfill" ];
          # Tests compare with official programs and start servers: .ci/run is the place for them.
          doCheck = false;
          nativeBuildInputs = [ pkgs.installShellFiles ];
          postInstall = ''
            installShellCompletion --cmd keyfill \
              --bash <($out/bin/keyfill completions bash) \
              --zsh <($out/bin/keyfill completions zsh) \
              --fish <($out/bin/keyfill completions fish)
            $out/bin/keyfill man > keyfill.1
            installManPage keyfill.1
          '';
          meta = {
            inherit (manifest) description;
            license = pkgs.lib.licenses.asl20;
            mainProgram = "keyfill";
          };
        };
      });

      devShells = forEach (pkgs: {
        default = pkgs.mkShell { packages = [ pkgs.cargo pkgs.clippy pkgs.rustc pkgs.rustfmt pkgs.go ]; };
      });
    };
}
