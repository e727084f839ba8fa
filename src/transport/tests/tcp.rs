use super::*;

#[tokio::test]
async fn a_hundred_queries_in_one_segment() {
    let (running, at) = start(&options(&["127.0.0.1:0"]), echo);
    let mut stream = connect(at).await;
    let all: Vec<u8> = (0..100).flat_map(|id| framed(&query(id, 40))).collect();
    stream.write_all(&all).await.unwrap();
    for id in 0..100 {
        assert_eq!(read_answer(&mut stream).await.unwrap()[..3], [0, id, 0x80]);
    }
    until(|| running.counters().tcp.answered == 100).await;
}

#[tokio::test]
async fn byte_by_byte_and_across_segments() {
    let (_running, at) = start(&options(&["127.0.0.1:0"]), echo);
    let mut stream = connect(at).await;
    for byte in framed(&query(1, 40)) {
        stream.write_all(&[byte]).await.unwrap();
        tokio::task::yield_now().await;
    }
    assert_eq!(read_answer(&mut stream).await.unwrap().len(), 40);
    // Cut within the length, within a message, and with the beginning of the next.
    let two = [framed(&query(2, 50)), framed(&query(3, 60))].concat();
    for part in [&two[..1], &two[1..30], &two[30..60], &two[60..]] {
        stream.write_all(part).await.unwrap();
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    assert_eq!(read_answer(&mut stream).await.unwrap().len(), 50);
    assert_eq!(read_answer(&mut stream).await.unwrap().len(), 60);
}

#[tokio::test]
async fn the_longest_message_passes() {
    let (_running, at) = start(&options(&["127.0.0.1:0"]), echo);
    let mut stream = connect(at).await;
    for id in 0..3 {
        stream.write_all(&framed(&query(id, 65_535))).await.unwrap();
        assert_eq!(read_answer(&mut stream).await.unwrap().len(), 65_535);
    }
    asks(&mut stream, 9).await;
}

#[tokio::test]
async fn after_a_half_close_all_answers_come() {
    let (_running, at) = start(&options(&["127.0.0.1:0"]), echo);
    let mut stream = connect(at).await;
    // More than fits the buffers, so that answers wait when the end is seen.
    let all: Vec<u8> = (0..200).flat_map(|id| framed(&query(id, LARGE_QUERY))).collect();
    stream.write_all(&all).await.unwrap();
    stream.shutdown().await.unwrap();
    for id in 0..200 {
        let answer = read_answer(&mut stream).await.unwrap();
        assert_eq!((answer[1], answer.len()), (id, LARGE_ANSWER));
    }
    assert!(closed(&mut stream).await);
}

#[tokio::test]
async fn runts_and_garbage_end_the_connection_after_earlier_answers() {
    let (running, at) = start(&options(&["127.0.0.1:0"]), echo);
    let response = framed(&[0xff; 40]);
    for bad in [&[0, 0][..], &[0, 5, 1, 2, 3, 4, 5], &response] {
        let mut stream = connect(at).await;
        stream.write_all(&[&framed(&query(4, 40)), bad].concat()).await.unwrap();
        assert_eq!(read_answer(&mut stream).await.unwrap()[..3], [0, 4, 0x80]);
        assert!(closed(&mut stream).await);
    }
    assert_eq!(running.counters().tcp.dropped, 3);
}

#[tokio::test]
async fn a_panic_ends_its_connection_only() {
    let (running, at) = start(&options(&["127.0.0.1:0"]), echo);
    let mut other = connect(at).await;
    asks(&mut other, 1).await;
    let mut stream = connect(at).await;
    let mut bad = query(2, 40);
    bad[20..25].copy_from_slice(b"panic");
    stream.write_all(&framed(&bad)).await.unwrap();
    assert!(closed(&mut stream).await);
    asks(&mut other, 3).await;
    assert_eq!(running.counters().tcp.panics, 1);
}

#[tokio::test]
async fn a_drain_ends_idle_connections_and_cuts_stalled_ones() {
    let (running, at) = start(&options(&["127.0.0.1:0"]), echo);
    let mut idle = connect(at).await;
    asks(&mut idle, 1).await;
    assert_eq!(running.drain(SOON).await.cut, 0);
    assert!(closed(&mut idle).await);

    let (running, at) = start(&options(&["127.0.0.1:0"]), echo);
    let mut stalled = connect(at).await;
    let all: Vec<u8> = (0..500).flat_map(|id| framed(&query(id, LARGE_QUERY))).collect();
    stalled.write_all(&all).await.unwrap();
    until(|| running.counters().tcp.received > 0).await;
    assert_eq!(running.drain(Duration::from_millis(300)).await.cut, 1);
}
