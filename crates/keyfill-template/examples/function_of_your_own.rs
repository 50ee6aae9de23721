//! Adds two functions to those of helm, and executes a template that calls them.
//!
//! `cargo run --example function_of_your_own -- 10.0.0.0/29`
#![allow(clippy::print_stdout, reason = "it is a program")]

use keyfill_diag::Cx;
use keyfill_template::function::{FuncError, Function, Registry, text};
use keyfill_template::value::{List, Map, Type, Value};
use keyfill_template::{Execution, Run, Templates, funcs};
use std::net::Ipv4Addr;
use std::sync::Arc;

/// Calls that templates make are checked against these types before the function is called.
const OWN: &[Function] =
    &[Function::fixed("addresses", &[Type::String], addresses), Function::fixed("cluster", &[], cluster)];

/// The addresses of a network: `addresses "10.0.0.0/30"` is a list of four.
fn addresses(run: &mut Run, arguments: &[Value]) -> Result<Value, FuncError> {
    let network = String::from_utf8_lossy(text(arguments, 0));
    let parts = network.split_once('/').and_then(|(base, bits)| {
        let base: Ipv4Addr = base.parse().ok()?;
        let bits: u32 = bits.parse().ok()?;
        Some((u32::from(base), 32u32.checked_sub(bits)?))
    });
    let Some((base, free)) = parts else {
        return Err(FuncError::new(format!("{network:?} is not a network such as 10.0.0.0/30")));
    };
    let count = 1u64 << free;
    // A template may ask for 4,294,967,296 addresses: this fails when the run does not allow so many bytes.
    run.spend(count * size_of::<Value>() as u64)?;
    let addresses = (0..count).map(|n| Ipv4Addr::from(base.wrapping_add(n as u32)).to_string());
    Ok(List::strings(addresses).into())
}

/// Data that functions need besides their arguments is provided to the run.
struct Cluster(&'static str);

fn cluster(run: &mut Run, _: &[Value]) -> Result<Value, FuncError> {
    let cluster = run.provided::<Cluster>().ok_or_else(|| FuncError::new("no cluster is set"))?;
    Ok(Value::from(cluster.0))
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut registry = Registry::new(funcs::FAMILIES);
    OWN.iter().for_each(|function| registry.add(*function));
    let mut templates = Templates::new("example", registry);
    templates.parse("hosts", "{{ range addresses .network }}{{ . }}.{{ cluster | lower }}\n{{ end }}")?;

    let network = std::env::args().nth(1).unwrap_or_else(|| "10.0.0.0/30".into());
    let data: Map = [("network", network)].into_iter().collect();
    let mut execution = Execution::new(&Cx::default());
    execution.provide(Cluster("EU-1"));
    let printed = execution.render(&Arc::new(templates), "hosts", &Value::from(data))?;
    print!("{}", String::from_utf8_lossy(&printed));
    Ok(())
}
