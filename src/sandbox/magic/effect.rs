//! What a magic amount does to the order that it makes.

use std::time::{Duration, Instant};

use super::super::orders::{OrderStatus, Orders};
use super::{End, OrderEffect};

impl OrderEffect {
    /// How the order begins; none if there is to be no order. `usual` is how it begins without magic.
    pub(in super::super) fn begins(self, usual: OrderStatus, now: Instant) -> Option<OrderStatus> {
        Some(match self {
            Self::Nothing => return None,
            Self::Usual => usual,
            Self::Done | Self::Hidden(_) | Self::QueriesDropped(_) => OrderStatus::Done,
            // A refund cannot be closed; it is done.
            Self::Ends(End::Closed) if usual == OrderStatus::Pending => OrderStatus::Pending,
            Self::Ends(_) => OrderStatus::Done,
            Self::DoneWhenQueried(respcd) => OrderStatus::DoneWhenQueried(respcd, None),
            Self::DoneAfter(respcd, seconds) => {
                OrderStatus::DoneWhenQueried(respcd, Some(now + Duration::from_secs(seconds)))
            }
            Self::Failed(respcd) => OrderStatus::Failed(respcd),
        })
    }

    /// What else becomes of the order, once it stands as it begins. Answers the number of the refund that was made.
    pub(in super::super) fn follows(
        self,
        orders: &mut Orders,
        number: u64,
        now: &str,
        instant: Instant,
    ) -> Option<u64> {
        let order = orders.by_number(number)?;
        match self {
            Self::Hidden(seconds) => order.appears = Some(instant + Duration::from_secs(seconds)),
            Self::QueriesDropped(count) => order.queries_to_drop = count,
            Self::Ends(_) if order.origssn.is_some() => {}
            Self::Ends(End::Reversed) => {
                order.status = OrderStatus::Reversed;
                order.happened(now, "reversed by its magic amount");
            }
            Self::Ends(End::Closed) => {
                order.status = OrderStatus::Closed;
                order.happened(now, "closed by its magic amount");
            }
            Self::Ends(End::Refunded) => return orders.give_back(number, u64::MAX, now),
            Self::Ends(End::PartlyRefunded) => {
                let half = order.request.txamt / 2;
                return orders.give_back(number, half, now);
            }
            _ => {}
        }
        None
    }

    /// After which time the order changes by itself, and the shop is told.
    pub(in super::super) fn later(self) -> Option<Duration> {
        match self {
            Self::DoneAfter(_, seconds) | Self::Hidden(seconds) => Some(Duration::from_secs(seconds)),
            _ => None,
        }
    }
}
