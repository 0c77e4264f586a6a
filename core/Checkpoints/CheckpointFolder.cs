using System.Globalization;
using System.Runtime.InteropServices;
using Hybrid.Files;

namespace Hybrid.Checkpoints;

/// <summary>
/// The checkpoints of one or more runs in a folder, the last two of each. While it is open no other process can open it, so that two
/// programs never write over each other.
/// </summary>
/// <remarks>
/// A checkpoint is one safetensors file, <c>RUN.STEP.safetensors</c>: the state as tensors, the settings as metadata, and a checksum
/// over both. It is written under another name, flushed to the disk and renamed. One file, because two can disagree.
/// </remarks>
public sealed class CheckpointFolder : IDisposable
{
    private const int Kept = 2;
    private const string Extension = ".safetensors", SettingPrefix = "setting/";

    private readonly string path;
    private readonly FileStream @lock;
    private readonly Dictionary<string, List<string>> written = [];

    private CheckpointFolder(string path, FileStream @lock) => (this.path, this.@lock) = (path, @lock);

    /// <summary>Opens a folder, and makes it where there is none.</summary>
    /// <exception cref="DataFileException">The folder cannot be made or written to, or another run has it open.</exception>
    public static CheckpointFolder Open(string path)
    {
        DataFileException.Guard(() => Directory.CreateDirectory(path), error => DataFileException.SystemSays(error) is { } said
            ? $"{path}: cannot be made ({said}); choose a folder that may be written to."
            : null);
        FileStream? @lock = null;
        try
        {
            // The system lets go of it when the process ends, however it ends.
            @lock = new FileStream(Path.Combine(path, "run.lock"), FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None);
            // What a killed run had not finished writing.
            foreach (var unfinished in Directory.GetFiles(path, $"*{Extension}.*.tmp")) File.Delete(unfinished);
            return new CheckpointFolder(path, @lock);
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            @lock?.Dispose();
            throw new DataFileException(error is UnauthorizedAccessException
                ? $"{path}: may not be written to; choose another folder."
                : $"{path}: another run uses this folder, or it cannot be written to ({error.Message.TrimEnd('.')}); wait for it, or "
                + "choose another folder.", error);
        }
    }

    /// <summary>
    /// Saves the state of a run. The last two are kept; of an earlier run of that name nothing is, once this one has saved.
    /// </summary>
    /// <exception cref="DataFileException">The folder or the disk refuses the file; earlier checkpoints stay as they are.</exception>
    public void Save(string run, IReadOnlyDictionary<string, string> settings, TrainingState state)
    {
        var file = Path.Combine(path, FormattableString.Invariant($"{run}.{state.Step:D9}{Extension}"));
        SafeTensors.Write(file, state.Save(), settings.ToDictionary(pair => SettingPrefix + pair.Key, pair => pair.Value));
        var own = Written(run);
        own.Remove(file);
        own.Add(file);
        while (own.Count > Kept) own.RemoveAt(0);
        foreach (var old in Files(run).Select(found => found.File).Except(own)) File.Delete(old);
    }

    /// <summary>Takes up a run from its last checkpoint; false if it has none.</summary>
    /// <exception cref="DataFileException">
    /// The last checkpoint is damaged (the message says whether the one before can be used), or was written with other settings (the
    /// message shows which). The state is left as it was.
    /// </exception>
    public bool Resume(string run, IReadOnlyDictionary<string, string> settings, TrainingState state)
    {
        var files = Files(run);
        if (files.Count == 0) return false;
        var file = DataFileException.Guard(
            () => ReadVerified(files[^1].File), error => error is DataFileException ? $"{error.Message} {Before(files)}" : null);
        var saved = file.Metadata.Where(pair => pair.Key.StartsWith(SettingPrefix, StringComparison.Ordinal))
            .ToDictionary(pair => pair.Key[SettingPrefix.Length..], pair => pair.Value);
        var differences = settings.Keys.Union(saved.Keys).Order(StringComparer.Ordinal)
            .Where(name => settings.GetValueOrDefault(name) != saved.GetValueOrDefault(name))
            .Select(name => $"{name}: {saved.GetValueOrDefault(name, "none")} then, {settings.GetValueOrDefault(name, "none")} now")
            .ToArray();
        if (differences.Length > 0) throw new DataFileException($"{file.Path}: the run was begun with other settings "
            + $"({string.Join("; ", differences)}); resume with those, or begin anew without resuming.");
        state.Restore(file);
        Written(run).AddRange(files.Select(found => found.File));
        return true;
    }

    /// <summary>Lets other runs use the folder.</summary>
    public void Dispose() => @lock.Dispose();



    /// <summary>A damaged name can hide a checksum, so a checkpoint without one counts as damaged.</summary>
    private static TensorFile ReadVerified(string file)
    {
        var read = SafeTensors.Read(file);
        return read.IsVerified ? read : throw new DataFileException(
            $"{file}: has no checksum, as every checkpoint has; the file is damaged.");
    }

    private static string Before(List<(string File, int Step)> files)
    {
        if (files.Count < 2) return "There is no checkpoint before it; begin anew without resuming.";
        try
        {
            ReadVerified(files[^2].File);
            return $"The checkpoint before it, of step {files[^2].Step}, is whole: delete the damaged one to resume from there.";
        }
        catch (DataFileException)
        {
            return "The checkpoint before it is damaged too; begin anew without resuming.";
        }
    }

    private List<string> Written(string run) => CollectionsMarshal.GetValueRefOrAddDefault(written, run, out _) ??= [];

    /// <summary>A run's checkpoints, the oldest first.</summary>
    private List<(string File, int Step)> Files(string run) =>
        [.. from file in Directory.GetFiles(path, $"*{Extension}")
            let name = Path.GetFileNameWithoutExtension(file)
            where name.StartsWith(run + ".", StringComparison.Ordinal)
            let digits = name[(run.Length + 1)..]
            let step = int.TryParse(digits, NumberStyles.None, CultureInfo.InvariantCulture, out var number) ? number : -1
            where step >= 0
            orderby step
            select (file, step)];
}
