//! What the rooms hold, and who is asked for what.

use std::sync::Arc;

use actix_web::web::{Data, ServiceConfig};

use crate::audit::AuditTrail;
use crate::bundle::RunningBundle;
use crate::connections::Connections;
use crate::dicom_results::DicomResults;
use crate::dicomweb::DicomWeb;
use crate::events::EventFeed;
use crate::gateway::Gateway;
use crate::identity::Identity;
use crate::identity::openid::OpenId;
use crate::instance_counts::{RequestCounts, Steps};
use crate::pixels::PixelObjects;
use crate::predictions::Predictions;
use crate::pulls::Sources;
use crate::routing::Router;
use crate::server::parts::GatewayParts;
use crate::server::routes;
use crate::uploads::Uploads;
use crate::workitems::{Performer, Workitems};

/// The state of every room.
#[derive(Clone)]
pub(crate) struct Rooms {
    pub(crate) gateway: Data<Gateway>,
    pub(crate) bundle: Data<RunningBundle>,
    pub(crate) identity: Data<Identity>,
    pub(crate) events: Data<EventFeed>,
    /// None where no issuer is set.
    openid: Option<Data<OpenId>>,
    pub(crate) trail: Data<AuditTrail>,
    pixels: Data<PixelObjects>,
    pub(crate) results: Data<DicomResults>,
    pub(crate) dicomweb: Data<DicomWeb>,
    workitems: Data<Workitems>,
    uploads: Data<Uploads>,
    pub(crate) predictions: Data<Predictions>,
    sources: Data<Sources>,
    connections: Data<Connections>,
    router: Data<Router>,
}

impl Rooms {
    pub(crate) fn new(parts: GatewayParts, base_url: String) -> anyhow::Result<Self> {
        let GatewayParts {
            context,
            models,
            reader,
            options,
            sources,
            connections,
            rules,
            expected,
        } = parts;
        let gateway = Arc::new(Gateway::new(context, options, base_url));
        let options = &gateway.options;
        let identity = Identity::new(
            options.identity.clone(),
            options.public_url.clone(),
            options.trusted_proxies.clone(),
            gateway.database.clone(),
            gateway.objects.keys().cloned(),
        )?;
        let set_point = options.operating_point.clone();
        let bundle = Arc::new(RunningBundle::new(models, gateway.database.clone(), set_point));
        let uploads = Arc::new(Uploads::new(Arc::clone(&gateway), reader));
        let router = Arc::new(Router::new(Arc::clone(&gateway), Arc::clone(&uploads), rules));
        let steps = Steps::new(gateway.database.clone(), Arc::clone(&expected));
        let predictions = Predictions {
            gateway: Arc::clone(&gateway),
            bundle: Arc::clone(&bundle),
            uploads: Arc::clone(&uploads),
            router: Arc::clone(&router),
            counts: Arc::new(RequestCounts::new(Arc::clone(&expected), steps)),
        };
        let pixels = Arc::new(PixelObjects::new(gateway.objects.clone(), &gateway.kept));
        let results = DicomResults::new(Arc::clone(&gateway), Arc::clone(&pixels), Arc::clone(&uploads));
        let results = Arc::new(results);
        let dicomweb = DicomWeb::new(Arc::clone(&gateway), Arc::clone(&uploads), Arc::clone(&results));
        Ok(Self {
            identity: Data::new(identity),
            openid: OpenId::of(options)?.map(Data::new),
            trail: Data::new(AuditTrail::start(gateway.database.clone())),
            pixels: Data::from(pixels),
            results: Data::from(results),
            dicomweb: Data::new(dicomweb),
            workitems: Data::new(Workitems::new(Arc::clone(&gateway))),
            events: Data::new(EventFeed::new()),
            predictions: Data::new(predictions),
            uploads: Data::from(uploads),
            bundle: Data::from(bundle),
            sources: Data::new(sources),
            connections: Data::new(connections),
            router: Data::from(router),
            gateway: Data::from(gateway),
        })
    }

    /// What performs the work items that are Norma's.
    pub(crate) fn performer(&self) -> Performer {
        Performer::new(
            self.gateway.clone().into_inner(),
            (self.bundle.clone().into_inner(), self.router.clone().into_inner()),
            self.dicomweb.clone().into_inner(),
            self.results.clone().into_inner(),
        )
    }

    /// Registers every operation of the OpenAPI document with what its handlers take.
    pub(crate) fn configure(&self, services: &mut ServiceConfig) {
        services
            .app_data(self.gateway.clone())
            .app_data(self.bundle.clone())
            .app_data(self.identity.clone())
            .app_data(self.trail.clone())
            .app_data(self.pixels.clone())
            .app_data(self.results.clone())
            .app_data(self.dicomweb.clone())
            .app_data(self.workitems.clone())
            .app_data(self.events.clone())
            .app_data(self.uploads.clone())
            .app_data(self.predictions.clone())
            .app_data(self.sources.clone())
            .app_data(self.connections.clone())
            .app_data(self.router.clone());
        if let Some(openid) = &self.openid {
            services.app_data(openid.clone());
        }
        routes::configure(services);
    }
}
