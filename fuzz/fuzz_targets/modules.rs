// For `include!`: the root package is a binary, which cannot be a dependency, so its modules are taken as they are.
macro_rules! modules {
    ($($name:ident $path:literal)*) => {$(
        #[allow(dead_code, unused_imports)]
        #[path = $path]
        mod $name;
    )*};
}

modules! {
    app "../../src/app.rs"
    cli "../../src/cli/mod.rs"
    commands "../../src/commands/mod.rs"
    diff "../../src/diff/mod.rs"
    discover "../../src/discover.rs"
    edit_script "../../src/edit_script.rs"
    emit "../../src/emit.rs"
    escape "../../src/escape.rs"
    faults "../../src/faults.rs"
    fetch "../../src/fetch/mod.rs"
    fill "../../src/fill/mod.rs"
    hydrated "../../src/hydrated.rs"
    ignore_file "../../src/ignore_file.rs"
    memory "../../src/memory.rs"
    output_files "../../src/output_files.rs"
    outside "../../src/outside.rs"
    overrun "../../src/overrun.rs"
    pipeline "../../src/pipeline.rs"
    places "../../src/places.rs"
    plugin "../../src/plugin/mod.rs"
    prefill "../../src/prefill.rs"
    progress "../../src/progress.rs"
    reference_table "../../src/reference_table/mod.rs"
    references "../../src/references/mod.rs"
    render "../../src/render/mod.rs"
    report "../../src/report.rs"
    revealed "../../src/revealed/mod.rs"
    run "../../src/run.rs"
    serve "../../src/serve/mod.rs"
    settings "../../src/settings/mod.rs"
    sops "../../src/sops/mod.rs"
    source_lines "../../src/source_lines.rs"
    stack "../../src/stack.rs"
    store "../../src/store/mod.rs"
    terminal "../../src/terminal.rs"
    tree "../../src/tree.rs"
    values "../../src/values.rs"
    verbose "../../src/verbose.rs"
}
