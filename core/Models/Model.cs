using Hybrid.Layers;

namespace Hybrid.Models;

/// <summary>What a model is built from.</summary>
public interface ISettings
{
    /// <summary>Refuses what no model can be built from; its constructor asks.</summary>
    void ThrowIfImpossible();
}

/// <summary>A model that keeps the settings that it was built from.</summary>
public abstract class Model<T, TSettings> : Layer<T> where T : unmanaged, IBinaryFloatingPointIeee754<T> where TSettings : ISettings
{
    private protected Model(TSettings settings, string path = "") : base(path)
    {
        settings.ThrowIfImpossible();
        Settings = settings;
    }

    /// <summary>Size and choices.</summary>
    public TSettings Settings { get; }
}
