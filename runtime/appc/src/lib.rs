//! The App Container format: types, the one ACI writer, the reader, the image ID.
