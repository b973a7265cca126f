//! Loopback addresses for services: each its own, so that a browser keeps their pages apart, and a program needs no name
//! server to find them.
//! Must not know: what is served there.

use std::net::Ipv4Addr;

use sha2::{Digest, Sha256};

use crate::runtime::{SERVICE_ADDRESSES, SandboxPlan};

/// Gives every service of a plan an address that is not `taken`. The same sandbox would get the same ones again.
pub(super) fn give(plan: &mut SandboxPlan, taken: impl Fn(Ipv4Addr) -> bool) {
    let mut given = Vec::new();
    for service in &mut plan.network.services {
        let digest = Sha256::digest(format!("{}-{}", service.port, plan.id));
        let seed = u32::from_be_bytes([digest[0], digest[1], digest[2], digest[3]]);
        let hosts = SERVICE_ADDRESSES.hostmask().to_bits();
        let free = (0..=hosts)
            .map(|step| Ipv4Addr::from_bits(SERVICE_ADDRESSES.network().to_bits() | (seed.wrapping_add(step) & hosts)));
        service.address = free.into_iter().find(|address| !taken(*address) && !given.contains(address));
        given.extend(service.address);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::runtime::{NetworkPlan, ServicePlan, ServiceReach};

    fn plan(ports: &[u16]) -> SandboxPlan {
        let service = |port: &u16| ServicePlan {
            port: *port,
            reach: ServiceReach::Http,
            private: false,
            share_token: false,
            timeout_seconds: 1,
            address: None,
        };
        let network = NetworkPlan { services: ports.iter().map(service).collect(), egress: None };
        SandboxPlan { id: "box".into(), network, ..SandboxPlan::default() }
    }

    fn given(plan: &SandboxPlan) -> Vec<Ipv4Addr> {
        plan.network.services.iter().filter_map(|service| service.address).collect()
    }

    #[test]
    fn every_service_has_an_address_of_its_own_in_the_range() {
        let (mut first, mut again, mut other) = (plan(&[80, 81]), plan(&[80, 81]), plan(&[80, 81]));
        give(&mut first, |_| false);
        give(&mut again, |_| false);
        assert_eq!(given(&first), given(&again));
        give(&mut other, |address| given(&first).contains(&address));
        let all = [given(&first), given(&other)].concat();
        assert!(all.iter().all(|address| SERVICE_ADDRESSES.contains(address)), "{all:?}");
        assert_eq!(all.iter().collect::<std::collections::HashSet<_>>().len(), 4);
    }
}
