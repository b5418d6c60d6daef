//! How the system watches a TCP link, whichever runtime its socket belongs to.

use pg_core::config::tcp::Tcp;
use std::io;
use std::os::fd::AsFd;

/// Has the system watch the link.
#[cfg(any(target_os = "linux", target_os = "android"))]
pub(super) fn watch(socket: impl AsFd, tcp: &Tcp) -> io::Result<()> {
    use rustix::net::sockopt;
    let socket = socket.as_fd();
    sockopt::set_socket_keepalive(socket, tcp.keepalives)?;
    if let Some(idle) = tcp.idle.filter(|_| tcp.keepalives) {
        sockopt::set_tcp_keepidle(socket, idle)?;
    }
    if let Some(interval) = tcp.interval.filter(|_| tcp.keepalives) {
        sockopt::set_tcp_keepintvl(socket, interval)?;
    }
    if let Some(count) = tcp.count.filter(|_| tcp.keepalives) {
        sockopt::set_tcp_keepcnt(socket, count)?;
    }
    if let Some(timeout) = tcp.user_timeout {
        sockopt::set_tcp_user_timeout(socket, u32::try_from(timeout.as_millis()).unwrap_or(u32::MAX))?;
    }
    Ok(())
}

/// Has the system watch the link.
#[cfg(all(unix, not(any(target_os = "linux", target_os = "android"))))]
pub(super) fn watch(socket: impl AsFd, tcp: &Tcp) -> io::Result<()> {
    Ok(rustix::net::sockopt::set_socket_keepalive(socket, tcp.keepalives)?)
}

#[cfg(test)]
#[cfg(target_os = "linux")]
mod tests {
    use super::*;
    use rustix::net::sockopt;
    use std::time::Duration;

    #[test]
    fn the_system_watches_the_link_as_it_was_told() {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let socket = std::net::TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        let seconds = Duration::from_secs;
        let tcp = Tcp {
            keepalives: true,
            idle: Some(seconds(33)),
            interval: Some(seconds(7)),
            count: Some(4),
            user_timeout: Some(Duration::from_millis(1500)),
        };
        watch(&socket, &tcp).unwrap();
        assert!(sockopt::socket_keepalive(&socket).unwrap());
        assert_eq!(sockopt::tcp_keepidle(&socket).unwrap(), seconds(33));
        assert_eq!(sockopt::tcp_keepintvl(&socket).unwrap(), seconds(7));
        assert_eq!(sockopt::tcp_keepcnt(&socket).unwrap(), 4);
        assert_eq!(sockopt::tcp_user_timeout(&socket).unwrap(), 1500);
        watch(&socket, &Tcp { keepalives: false, ..Tcp::default() }).unwrap();
        assert!(!sockopt::socket_keepalive(&socket).unwrap());
    }
}
