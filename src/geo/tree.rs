//! The search tree of a database: every network in it once, in the order of addresses.

/// Where a network begins, and the record it has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Leaf {
    pub(super) start: Start,
    /// The offset of its record in the data section; networks without one are told too.
    pub(super) record: Option<u32>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Start {
    V4(u32),
    V6(u128),
}

pub(super) struct Tree<'a> {
    /// The nodes, and nothing after them.
    pub(super) bytes: &'a [u8],
    /// Bits of one of the two records of a node: 24, 28 or 32.
    pub(super) record_size: u16,
    pub(super) node_count: u32,
    /// Else the tree is of IPv4 alone.
    pub(super) v6: bool,
}

/// Between the nodes and the records lie so many zeros, which no pointer may point at.
const SEPARATOR: u32 = 16;

struct Branch {
    node: u32,
    depth: u8,
    start: u128,
}

impl Tree<'_> {
    /// The tree of IPv4 lies in that of IPv6 at ::/96; where else it hangs (6to4, mapped addresses) it is left out.
    pub(super) fn walk(&self, mut each: impl FnMut(Leaf) -> Result<(), String>) -> Result<(), String> {
        let width: u8 = if self.v6 { 128 } else { 32 };
        let v4_root = self.v4_root();
        // Every node of a tree has one way to it. Some makers let equal branches share nodes; more than that is a circle.
        let mut budget = 2 * u64::from(self.node_count) + 1024;
        let mut open = vec![Branch { node: 0, depth: 0, start: 0 }];
        while let Some(Branch { node, depth, start }) = open.pop() {
            let in_v4 = !self.v6 || (depth >= 96 && start >> 32 == 0);
            let leaf = |record| Leaf { start: if in_v4 { Start::V4(start as u32) } else { Start::V6(start) }, record };
            if node >= self.node_count {
                let record = self.record(node)?;
                if depth < 96 && start == 0 && self.v6 {
                    // A leaf above the place where IPv4 begins speaks for all of it.
                    each(Leaf { start: Start::V4(0), record })?;
                }
                each(leaf(record))?;
                continue;
            }
            if v4_root == Some(node) && !in_v4 {
                each(leaf(None))?;
                continue;
            }
            budget = budget.checked_sub(1).filter(|_| depth < width).ok_or("its search tree runs in a circle")?;
            let (left, right) = self.node(node);
            open.push(Branch { node: right, depth: depth + 1, start: start | 1 << (width - 1 - depth) });
            open.push(Branch { node: left, depth: depth + 1, start });
        }
        Ok(())
    }

    /// The node of ::/96, if there is one.
    fn v4_root(&self) -> Option<u32> {
        let mut node = 0;
        for _ in 0..96 {
            if node >= self.node_count {
                return None;
            }
            node = self.node(node).0;
        }
        (self.v6 && node < self.node_count).then_some(node)
    }

    fn record(&self, pointer: u32) -> Result<Option<u32>, String> {
        if pointer == self.node_count {
            return Ok(None);
        }
        match (pointer - self.node_count).checked_sub(SEPARATOR) {
            Some(offset) => Ok(Some(offset)),
            None => Err("its search tree points between the nodes and the records".into()),
        }
    }

    #[inline]
    fn node(&self, node: u32) -> (u32, u32) {
        let size = usize::from(self.record_size) / 4;
        match self.bytes[node as usize * size..][..size] {
            [a, b, c, d, e, f] => (u32::from_be_bytes([0, a, b, c]), u32::from_be_bytes([0, d, e, f])),
            [a, b, c, d, e, f, g] => (u32::from_be_bytes([d >> 4, a, b, c]), u32::from_be_bytes([d & 15, e, f, g])),
            [a, b, c, d, e, f, g, h] => (u32::from_be_bytes([a, b, c, d]), u32::from_be_bytes([e, f, g, h])),
            _ => unreachable!("records have 24, 28 or 32 bits"),
        }
    }
}
