//! Routes of the API.

use aws_lambda_events::apigw::ApiGatewayProxyRequest;
use aws_lambda_events::http::Method;

#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Route<'a> {
    SessionCompleted,
    Unsubscribe { token: &'a str },
    Unknown,
}

/// Finds the route by the path in `template.yaml`: a custom domain may put a path of its own before the request's path.
pub(crate) fn route(request: &ApiGatewayProxyRequest) -> Route<'_> {
    match (request.resource.as_deref().unwrap_or_default(), &request.http_method) {
        ("/v1/sessions/completed", &Method::POST) => Route::SessionCompleted,
        ("/v1/unsubscribe/{token}", &Method::GET | &Method::HEAD | &Method::POST) => {
            Route::Unsubscribe { token: request.path_parameters.get("token").map_or("", String::as_str) }
        }
        _ => Route::Unknown,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_is_routed_by_the_apis_path_and_method() {
        let mut request = ApiGatewayProxyRequest::default();
        request.path = Some("/base/v1/unsubscribe/abc".to_owned());
        request.resource = Some("/v1/unsubscribe/{token}".to_owned());
        request.path_parameters.insert("token".to_owned(), "abc".to_owned());
        for method in [Method::GET, Method::HEAD, Method::POST] {
            request.http_method = method;
            assert_eq!(route(&request), Route::Unsubscribe { token: "abc" });
        }
        request.http_method = Method::DELETE;
        assert_eq!(route(&request), Route::Unknown);
        request.resource = Some("/v1/sessions/completed".to_owned());
        assert_eq!(route(&request), Route::Unknown);
        request.http_method = Method::POST;
        assert_eq!(route(&request), Route::SessionCompleted);
        assert_eq!(route(&ApiGatewayProxyRequest::default()), Route::Unknown);
    }
}
