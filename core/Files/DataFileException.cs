namespace Hybrid.Files;

/// <summary>A data file that cannot be used. The message names the file, the line where there is one, the cause and the remedy.</summary>
public sealed class DataFileException(string message, Exception? inner = null) : IOException(message, inner);
