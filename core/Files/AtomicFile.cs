namespace Hybrid.Files;

/// <summary>Writes a file so that a crash never leaves half of it: under another name first, then renamed.</summary>
public static class AtomicFile
{
    /// <summary>Writes a temporary file beside the target, flushes it to the disk, and renames it over the target.</summary>
    /// <param name="path">The target; an earlier file of that name stays whole until the new one is.</param>
    /// <param name="write">Writes the contents. Where it throws, the target is left as it was and nothing is left beside it.</param>
    /// <exception cref="DataFileException">The folder or the disk refuses the file.</exception>
    public static void Write(string path, Action<Stream> write)
    {
        var temporary = $"{path}.{Guid.NewGuid():N}.tmp";
        try
        {
            using (var stream = new FileStream(temporary, FileMode.CreateNew, FileAccess.Write))
            {
                write(stream);
                stream.Flush(flushToDisk: true);
            }
            File.Move(temporary, path, overwrite: true);
        }
        // .NET reports a file beyond the system's size limit as an argument out of range.
        catch (Exception error) when (
            error is (IOException or UnauthorizedAccessException or ArgumentOutOfRangeException { ParamName: "value" })
                and not DataFileException)
        {
            throw new DataFileException($"{path}: cannot be written ({error.Message.TrimEnd('.')}); free space, or choose a folder that "
                + "exists and may be written to.", error);
        }
        finally
        {
            TryDelete(temporary);
        }
    }

    private static void TryDelete(string path)
    {
        try
        {
            File.Delete(path);
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            // What stopped the write is worth more than that its remains could not be removed.
        }
    }
}
