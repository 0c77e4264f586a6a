namespace Hybrid.Files;

/// <summary>A data file that cannot be used. The message names the file, the line where there is one, the cause and the remedy.</summary>
public sealed class DataFileException(string message, Exception? inner = null) : IOException(message, inner)
{
    /// <summary>What a function returns. An error of which there is a message to give becomes one of this class.</summary>
    internal static TResult Guard<TResult>(Func<TResult> act, Func<Exception, string?> messageOf)
    {
        try
        {
            return act();
        }
        catch (Exception error) when (messageOf(error) is { } said)
        {
            throw new DataFileException(said, error);
        }
    }

    /// <summary>What the system says when it refuses a file or a folder, for a message; null if it is another error.</summary>
    internal static string? SystemSays(Exception error) =>
        error is (IOException or UnauthorizedAccessException) and not DataFileException ? error.Message.TrimEnd('.') : null;
}
