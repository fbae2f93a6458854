//! The configuration as `rkt config` prints it: the JSON that would say the same in one directory.

use serde_json::{Value, json};

use super::{Config, HostAuth};

impl Config {
    /// `{"stage0": […]}`: one object per download host, one per registry, then exactly one for the paths and one
    /// for stage1, with empty texts where nothing is set. Credentials are shown: it is what the files say.
    pub fn to_json(&self) -> Value {
        let mut objects = Vec::new();
        for (domain, auth) in &self.auth.0 {
            let (kind, credentials) = match auth {
                HostAuth::Basic(login) => ("basic", json!({"user": login.user, "password": login.password})),
                HostAuth::OAuth { token } => ("oauth", json!({"token": token})),
                HostAuth::Aws { access_key_id, secret_access_key, region } => {
                    let mut credentials =
                        json!({"accessKeyID": access_key_id, "secretAccessKey": secret_access_key});
                    if !region.is_empty() {
                        credentials["awsRegion"] = json!(region);
                    }
                    ("aws", credentials)
                }
            };
            objects.push(json!({
                "rktVersion": "v1", "rktKind": "auth",
                "domains": [domain], "type": kind, "credentials": credentials,
            }));
        }
        for (registry, login) in &self.docker_auth.0 {
            objects.push(json!({
                "rktVersion": "v1", "rktKind": "dockerAuth",
                "registries": [registry],
                "credentials": {"user": login.user, "password": login.password},
            }));
        }
        let path = |path: &Option<std::path::PathBuf>| {
            path.as_ref().map(|path| path.to_string_lossy().into_owned()).unwrap_or_default()
        };
        objects.push(json!({
            "rktVersion": "v1", "rktKind": "paths",
            "data": path(&self.paths.data), "stage1-images": path(&self.paths.stage1_images),
        }));
        objects.push(json!({
            "rktVersion": "v1", "rktKind": "stage1",
            "name": self.stage1.name.as_deref().unwrap_or_default(),
            "version": self.stage1.version.as_deref().unwrap_or_default(),
            "location": self.stage1.location.as_deref().unwrap_or_default(),
        }));
        json!({ "stage0": objects })
    }
}
