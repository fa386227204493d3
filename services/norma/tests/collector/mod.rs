//! An OTLP collector of the test: takes the spans that processes send (gRPC over HTTP/2) and keeps them.

use std::sync::{Arc, Mutex};

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Response};
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use prost::Message as _;
use tokio::net::{TcpListener, TcpStream};

/// A message of gRPC: one byte that says whether it is compressed, four of its length.
const FRAME_HEAD_BYTES: usize = 5;

/// A span as it was sent.
#[derive(Debug, Clone)]
pub(crate) struct Span {
    pub(crate) service: String,
    pub(crate) trace_id: Vec<u8>,
    pub(crate) name: String,
}

#[derive(Clone)]
pub(crate) struct Collector {
    endpoint: String,
    requests: Arc<Mutex<Vec<Vec<u8>>>>,
}

impl Collector {
    pub(crate) async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let collector = Self {
            endpoint: format!("http://{}", listener.local_addr().unwrap()),
            requests: Arc::default(),
        };
        let requests = Arc::clone(&collector.requests);
        tokio::spawn(async move {
            while let Ok((connection, _)) = listener.accept().await {
                let requests = Arc::clone(&requests);
                // A process that is killed breaks its connection off.
                tokio::spawn(async move { serve(connection, requests).await.ok() });
            }
        });
        collector
    }

    pub(crate) fn endpoint(&self) -> &str {
        &self.endpoint
    }

    /// Every byte that was sent: what is not decoded is looked through as well.
    pub(crate) fn bytes(&self) -> Vec<u8> {
        self.requests.lock().unwrap().concat()
    }

    pub(crate) fn spans(&self) -> Vec<Span> {
        let requests = self.requests.lock().unwrap();
        let exported = requests
            .iter()
            .map(|request| ExportTraceServiceRequest::decode(&request[FRAME_HEAD_BYTES..]).unwrap());
        exported
            .flat_map(|request| request.resource_spans)
            .flat_map(|of_process| {
                let service = of_process
                    .resource
                    .iter()
                    .flat_map(|resource| &resource.attributes)
                    .find(|attribute| attribute.key == "service.name")
                    .map(|attribute| format!("{:?}", attribute.value))
                    .unwrap_or_default();
                of_process
                    .scope_spans
                    .into_iter()
                    .flat_map(|scope| scope.spans)
                    .map(move |span| Span {
                        service: service.clone(),
                        trace_id: span.trace_id,
                        name: span.name,
                    })
            })
            .collect()
    }
}

async fn serve(connection: TcpStream, requests: Arc<Mutex<Vec<Vec<u8>>>>) -> Result<(), h2::Error> {
    let mut connection = h2::server::handshake(connection).await?;
    while let Some(stream) = connection.accept().await {
        let (request, mut answer) = stream?;
        let requests = Arc::clone(&requests);
        tokio::spawn(async move {
            let mut body = request.into_body();
            let mut received = Vec::new();
            while let Some(part) = body.data().await {
                let part = part?;
                body.flow_control().release_capacity(part.len())?;
                received.extend_from_slice(&part);
            }
            requests.lock().unwrap().push(received);
            let head = Response::builder().header("content-type", "application/grpc");
            let mut stream = answer.send_response(head.body(()).unwrap(), false)?;
            // An empty message: everything was taken.
            stream.send_data(Bytes::from_static(&[0; FRAME_HEAD_BYTES]), false)?;
            let mut trailers = HeaderMap::new();
            trailers.insert("grpc-status", HeaderValue::from_static("0"));
            stream.send_trailers(trailers)
        });
    }
    Ok(())
}
