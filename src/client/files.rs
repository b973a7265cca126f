//! Whole files in one call each. Must not know: how larger ones are cut.

use bytes::Bytes;

use super::{CallOptions, Client};
use crate::{
    error::{CallContext, Error, Operation},
    wire,
};

/// Reads a file.
///
/// # Errors
/// File, with `filepath` in its metadata; otherwise as any call.
pub(crate) async fn read(
    client: &Client,
    request: wire::ReadFileRequest,
    options: &CallOptions,
) -> Result<Bytes, Error> {
    let context = CallContext::on(Operation::ReadFile, request.sandbox_id.clone());
    let response: wire::ReadFileResponse = client.unary(context, options, request).await?;
    Ok(response.content)
}

/// Creates or replaces a file, its directories included.
///
/// # Errors
/// File, with `filepath` in its metadata; otherwise as any call.
pub(crate) async fn write(
    client: &Client,
    request: wire::WriteFileRequest,
    options: &CallOptions,
) -> Result<(), Error> {
    let context = CallContext::on(Operation::WriteFile, request.sandbox_id.clone());
    let _: wire::WriteFileResponse = client.unary(context, options, request).await?;
    Ok(())
}
